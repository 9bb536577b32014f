"""Gradients gathered along paths from baselines."""

import numpy as np
import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods
from inputgrad_cli.numeric.blur import blur
from inputgrad_cli.numeric.quadrature import RULES, build_rule, compute_new_midpoints
from tests.formula_engines import Spy, asked, case, linear, product, quadratic, relu

from . import W, X, run


@pytest.mark.parametrize("which", ["midpoint", "trapezoid", "gauss-legendre"])
def test_integrated_gradients_of_a_quadratic_are_exact(which):
    """The gradient is linear along the line, so these rules make no error: w (x^2 - b^2)."""
    base = np.full_like(X, 0.5)
    result = run(f"integrated-gradients:steps=4,rule={which}", quadratic(W), X, {"x": base})
    np.testing.assert_allclose(result.values["x"], W * (X**2 - base**2), rtol=1e-5, atol=1e-6)


def test_left_and_right_rules_miss_by_one_cell():
    """On w x^2 from zero, n steps of the left rule give w x^2 (1 - 1/n), of the right (1 + 1/n)."""
    left = run("integrated-gradients:steps=10,rule=left", quadratic(W), X).values["x"]
    right = run("integrated-gradients:steps=10,rule=right", quadratic(W), X).values["x"]
    np.testing.assert_allclose(left, W * X**2 * 0.9, rtol=1e-5)
    np.testing.assert_allclose(right, W * X**2 * 1.1, rtol=1e-5)


def test_integrated_gradients_of_two_inputs():
    """On a.b from zero both inputs share the product equally."""
    a, b = X, X[:, ::-1].copy()
    result = run("integrated-gradients:steps=3", product(), {"a": a, "b": b})
    np.testing.assert_allclose(result.values["a"], a * b / 2, rtol=1e-5)
    np.testing.assert_allclose(result.values["b"], a * b / 2, rtol=1e-5)


def test_integrated_gradients_of_a_relu_kink():
    """From baseline -1 to 3, the gradient lives on three quarters of the way: 3 w in the end."""
    x, base = np.full((1, 3), 3.0), np.full((1, 3), -1.0)
    result = run("integrated-gradients:steps=400", relu(W), x, {"x": base})
    np.testing.assert_allclose(result.values["x"], 3 * W[None], rtol=1e-5)


def test_refining_stops_when_the_gap_is_small_enough_and_says_how_far_it_went():
    x = np.array([[1.0, 1.0, 1.0], [3.0, 3.0, 3.0]])
    base = {"x": np.array([[0.0, 0.0, 0.0], [-0.1, -1.0, -2.7]])}
    engine = Spy(relu(W))
    result = run("integrated-gradients", engine, x, base, tolerance=1e-3)
    steps = result.completeness.steps
    assert steps[0] == 16
    assert steps[1] in (48, 144, 432)
    assert result.completeness.ok.all()
    assert len(engine.derived) == steps.sum()  # every point of a coarser rule was used again


def test_refining_ends_at_max_steps_and_the_check_fails():
    step = relu(W)
    step.f = lambda x: np.where(x["x"][:, 0] > 0.37, 5.0, 0.0)  # a jump that no gradient shows
    step.df = lambda x: {"x": np.zeros_like(x["x"])}
    result = run("integrated-gradients:max_steps=144", Spy(step), np.ones((1, 3)))
    assert result.completeness.steps.tolist() == [144]
    assert not result.completeness.ok[0]
    assert result.completeness.gap[0] == pytest.approx(1.0)


def test_nan_scores_are_never_complete():
    broken = linear(W)
    broken.f = lambda x: np.full(len(x["x"]), np.nan)
    result = run("integrated-gradients:max_steps=16", broken, X)
    assert not result.completeness.ok.any()


def ask(text, engine, inputs, baseline=None, references=None, **kwargs):
    """Return what a method finds, given a dataset or pictures where it needs them."""
    question = case(engine, inputs, baseline, **kwargs)
    return asked(methods.build(text), engine, question, references)


ROWS = {"x": np.array([[0.0, 0.5, -1.0], [1.0, 1.5, 0.25]], np.float32)}


def test_expected_gradients_near_their_mean_on_a_quadratic():
    """Against each b it is w (x^2 - b^2), so the mean has the mean of b^2."""
    result = ask("expected-gradients:samples=20000", quadratic(W), X, references=ROWS)
    expected = W * (X**2 - (ROWS["x"] ** 2).mean(axis=0))
    np.testing.assert_allclose(result.values["x"], expected, atol=0.1)
    misses = np.abs(result.values["x"] - expected).mean(axis=1)
    assert np.all(misses < 3 * result.standard_error.mean)
    assert result.completeness is None


def test_expected_gradients_of_one_sample_are_integrated_gradients():
    rows = {"x": ROWS["x"][:1]}
    result = ask("expected-gradients:samples=20000", relu(W), X, references=rows)
    exact = W * (np.maximum(X, 0) - np.maximum(rows["x"], 0))
    np.testing.assert_allclose(result.values["x"], exact, atol=0.1)


def test_baselines_are_drawn_evenly_and_points_stand_on_the_lines():
    """From 0 and from 2 to 1 on lines that do not meet before the end."""
    engine = Spy(linear(W))
    rows = {"x": np.array([[0.0] * 3, [2.0] * 3], np.float32)}
    ask("expected-gradients:samples=2000", engine, np.ones((1, 3)), references=rows)
    points = np.array([point["x"] for point in engine.derived])
    assert np.all(points == points[:, :1])  # one baseline and one place for all features
    assert abs(np.mean(points[:, 0] < 1) - 0.5) < 0.05
    places = np.where(points[:, 0] < 1, points[:, 0], 2 - points[:, 0])
    np.testing.assert_allclose(np.quantile(places, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.05)


def test_two_inputs_are_drawn_from_the_same_sample():
    a, b = np.ones((1, 3)), np.ones((1, 3))
    rows = np.array([[0.0] * 3, [1.0] * 3], np.float32)
    engine = Spy(product())
    ask(
        "expected-gradients:samples=40", engine, {"a": a, "b": b}, references={"a": rows, "b": rows}
    )
    assert all(np.array_equal(point["a"], point["b"]) for point in engine.derived)


def test_gradient_shap_without_noise_is_expected_gradients():
    results = [
        ask(text, quadratic(W), X, references=ROWS).values["x"]
        for text in ("gradient-shap:noise=0,samples=9", "expected-gradients:samples=9")
    ]
    np.testing.assert_array_equal(*results)


def test_gradient_shap_nears_its_mean_on_a_quadratic():
    """Of a noisy input it is w ((x + n)^2 - b^2): the variance of the noise is added."""
    result = ask("gradient-shap:samples=20000,noise=0.2", quadratic(W), X, references=ROWS)
    level = 0.2 * (X.max(axis=1) - X.min(axis=1))[:, None]
    expected = W * (X**2 + level**2 - (ROWS["x"] ** 2).mean(axis=0))
    np.testing.assert_allclose(result.values["x"], expected, atol=0.2)


def test_drawing_from_a_dataset_stops_when_the_error_is_small_enough():
    for name in ("expected-gradients", "gradient-shap"):
        error = ask(f"{name}:samples=5000,se=0.05", quadratic(W), X, references=ROWS).standard_error
        assert np.all(error.relative <= 0.05)
        assert np.all(error.samples < 5000)


@pytest.mark.parametrize("sigma", [0.5, 3.0, 50.0])
def test_blur_integrated_gradients_of_a_quadratic(sigma):
    """The values are w (x^2 - blurred^2), whatever way the path takes; the trapezoid is exact."""
    result = ask(f"blur-integrated-gradients:sigma={sigma},steps=30", quadratic(W), X)
    blurred = blur(X.reshape(2, 1, 3, 1), sigma, (1, 2)).reshape(2, 3)
    np.testing.assert_allclose(result.values["x"], W * (X**2 - blurred**2), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(result.baseline_scores, blurred**2 @ W, rtol=1e-4, atol=1e-5)


def test_blur_integrated_gradients_start_at_the_mean_and_end_at_the_picture():
    engine = Spy(quadratic(W))
    ask("blur-integrated-gradients:steps=7", engine, X[:1])
    points = [point["x"] for point in engine.derived]
    np.testing.assert_array_equal(points[0], X[0].astype(np.float32))
    np.testing.assert_allclose(points[-1], np.full(3, X[0].mean()), atol=1e-5)


def test_blur_needs_three_times_the_steps_where_a_kink_is_missed():
    x = np.array([[4.0, -1.0, -1.0], [1.0, 2.0, 3.0]])
    engine = Spy(relu(W))
    result = ask("blur-integrated-gradients", engine, x, tolerance=1e-3)
    steps = result.completeness.steps
    assert set(steps) <= {100, 300, 900, 2700}
    assert steps.max() > 100
    assert len(engine.derived) == sum(
        100 * (3 ** (k + 1) - 1) // 2 for k in np.log(steps / 100) // 1
    )


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("distance", [0.0, 0.02, 1.0])
def test_guided_integrated_gradients_of_a_quadratic(fraction, distance):
    """Each feature stands alone, so every path gives w (x^2 - b^2); the trapezoid is exact."""
    base = {"x": np.full_like(X, 0.5)}
    text = f"guided-integrated-gradients:steps=20,fraction={fraction},distance={distance}"
    result = ask(text, quadratic(W), X, base)
    np.testing.assert_allclose(result.values["x"], W * (X**2 - 0.25), rtol=1e-5, atol=1e-6)
    assert result.completeness.ok.all()


def test_guided_without_distance_is_the_straight_line():
    a, b = X, X[:, ::-1].copy()
    result = ask("guided-integrated-gradients:steps=9,distance=0", product(), {"a": a, "b": b})
    np.testing.assert_allclose(result.values["a"], a * b / 2, rtol=1e-5)
    np.testing.assert_allclose(result.values["b"], a * b / 2, rtol=1e-5)


def test_guided_moves_what_matters_least_first():
    """With free rein and f = 5 x + y, all of y is done before x begins: the path has a corner."""
    engine = Spy(linear([5.0, 1.0]))
    ask("guided-integrated-gradients:steps=5,distance=1,fraction=0", engine, np.ones((1, 2)))
    points = np.array([point["x"] for point in engine.derived])
    np.testing.assert_allclose(points, [[0, 0], [0, 0.5], [0, 1], [0.5, 1], [1, 1]], atol=1e-6)


def test_guided_stays_near_the_line_and_shortens_the_way_evenly():
    engine = Spy(quadratic(W))
    ask("guided-integrated-gradients:steps=51,distance=0.1", engine, np.ones((1, 3)))
    points = np.array([point["x"] for point in engine.derived], np.float64)
    goals = np.linspace(0, 1, 51)
    np.testing.assert_allclose(points.mean(axis=1), goals, atol=1e-6)
    assert np.abs(points - goals[:, None]).max() <= 0.1 + 1e-6
    assert np.all(np.diff(points, axis=0) >= -1e-7)


def test_guided_path_through_a_product():
    """A score a b, from (0, 0) to (2, 1) with free rein, in three moves.

    Both slopes are zero at first, so both go: (2/3, 1/3). There a is the flatter one (1/3 against
    2/3) and goes alone: (5/3, 1/3), and on to the end, which leaves b its steep last piece.
    """
    engine = Spy(product())
    result = ask(
        "guided-integrated-gradients:steps=4,distance=1,fraction=0",
        engine,
        {"a": [[2.0, 0.0, 0.0]], "b": [[1.0, 0.0, 0.0]]},
    )
    path = [(float(point["a"][0]), float(point["b"][0])) for point in engine.derived]
    np.testing.assert_allclose(path, [(0, 0), (2 / 3, 1 / 3), (5 / 3, 1 / 3), (2, 1)], rtol=1e-6)
    np.testing.assert_allclose(result.values["a"], [[2 / 3, 0, 0]], rtol=1e-5)
    np.testing.assert_allclose(result.values["b"], [[4 / 3, 0, 0]], rtol=1e-5)


def test_directional_gradients_share_every_difference_by_squares():
    """On w x^2 from zero, g_j = 2 j/n w x at every step: shares never change along the line."""
    result = ask("integrated-directional-gradients:steps=8", quadratic(W), X + 0.3)
    squares = (W * (X + 0.3)) ** 2
    shares = squares / squares.sum(axis=1, keepdims=True)
    step = ((X + 0.3) ** 2 @ W)[:, None] / 64  # the first, from zero, where no gradient is
    expected = shares * (((X + 0.3) ** 2 @ W)[:, None] - step)
    np.testing.assert_allclose(result.values["x"], expected, rtol=1e-4)
    np.testing.assert_allclose(result.completeness.gap, 1 / 64, rtol=1e-4)


def test_directional_gradients_are_complete_where_gradients_are():
    for engine in (linear(W, 2.0), quadratic(W), relu(W)):
        base = {"x": np.full_like(X, 0.5)}
        result = ask("integrated-directional-gradients:steps=3", engine, X, base)
        assert np.all(result.completeness.gap < 1e-5)


def test_directional_gradients_of_two_inputs_are_normed_together():
    a, b = np.array([[3.0, 0.0, 0.0]]), np.array([[4.0, 0.0, 0.0]])
    result = ask("integrated-directional-gradients:steps=50", product(), {"a": a, "b": b})
    whole = result.values["a"].sum() + result.values["b"].sum()
    assert result.values["a"][0, 0] / whole == pytest.approx(16 / 25)
    assert whole == pytest.approx(12, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "derived", "scored"),
    [
        ("integrated-gradients:steps=20", 40, 2),
        ("expected-gradients:samples=20", 40, 0),
        ("gradient-shap:samples=20", 40, 0),
        ("blur-integrated-gradients:steps=20", 40, 2),
        ("guided-integrated-gradients:steps=20", 40, 2),
        ("integrated-directional-gradients:steps=20", 40, 0),
    ],
)
def test_no_method_asks_more_than_its_definition_needs(text, derived, scored):
    engine = Spy(linear(W))
    question = case(engine.engine, X)
    asked(methods.build(text), engine, question)
    assert (len(engine.derived), len(engine.scored)) == (derived, scored)


@pytest.mark.parametrize("count", ["steps", "samples"])
def test_passes_do_not_grow_with_steps_or_samples(count):
    names = [m.name for m in methods if m.family == "path" and hasattr(m, count)]
    assert len(names) >= 2
    for name in names:
        engine = Spy(linear(W))
        asked(methods.build(f"{name}:{count}=1000"), engine, case(engine.engine, X))
        assert engine.largest <= engine.batch_size


def test_a_method_over_noisy_copies_may_be_any_that_draws_nothing():
    for inner in (
        "guided-integrated-gradients:steps=3",
        "integrated-directional-gradients:steps=2",
    ):
        base = {"x": np.full_like(X, 0.5)}
        result = ask(f'smoothgrad:samples=3,noise=0,of="{inner}"', linear(W), X, base)
        alone = ask(inner, linear(W), X, base)
        np.testing.assert_allclose(result.values["x"], alone.values["x"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("which", RULES)
@pytest.mark.parametrize("steps", [2, 3, 50])
def test_weights_sum_to_one_and_nodes_stay_on_the_line(which, steps):
    nodes, weights = build_rule(which, steps)
    assert len(nodes) == steps
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert 0 <= nodes.min() <= nodes.max() <= 1


def test_tripling_keeps_every_midpoint():
    coarse, fine = build_rule("midpoint", 16)[0], build_rule("midpoint", 48)[0]
    both = np.sort(np.concatenate([coarse, compute_new_midpoints(16)]))
    np.testing.assert_allclose(both, fine, atol=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "integrated-gradients:rule=left",
        "integrated-gradients:rule=trapezoid,steps=1",
        "integrated-gradients:steps=0",
        "integrated-gradients:rule=simpson,steps=3",
        "expected-gradients:samples=0",
        "gradient-shap:noise=-1",
        "blur-integrated-gradients:steps=1",
        "blur-integrated-gradients:sigma=-1",
        "guided-integrated-gradients:fraction=2",
        "guided-integrated-gradients:distance=-0.1",
        "integrated-directional-gradients:steps=0",
        "smoothgrad:of=expected-gradients",
    ],
)
def test_wrong_parameters_are_refused_before_any_work(text):
    with pytest.raises(UsageError):
        methods.build(text)
