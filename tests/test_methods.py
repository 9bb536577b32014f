"""Known answers by hand, and the number of model evaluations."""

import numpy as np
import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods
from inputgrad_cli.quadrature import RULES, between, rule
from tests.engines import Spy, case, linear, product, quadratic, relu

X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])
W = np.array([2.0, -1.0, 0.5])


def run(text, engine, *args, **kwargs):
    return methods.build(text).attribute(engine, case(engine, *args, **kwargs))


def test_gradient_of_a_quadratic():
    np.testing.assert_allclose(run("gradient", quadratic(W), X).values["x"], 2 * W * X)


def test_input_x_gradient_of_a_quadratic():
    np.testing.assert_allclose(
        run("input-x-gradient", quadratic(W), X).values["x"], 2 * W * X * X, rtol=1e-6
    )


@pytest.mark.parametrize("which", ["midpoint", "trapezoid", "gauss-legendre"])
def test_integrated_gradients_of_a_quadratic_are_exact(which):
    """The gradient is linear along the line, so these rules make no error: w (x^2 - b^2)."""
    base = np.full_like(X, 0.5)
    found = run(f"integrated-gradients:steps=4,rule={which}", quadratic(W), X, {"x": base})
    np.testing.assert_allclose(found.values["x"], W * (X**2 - base**2), rtol=1e-5, atol=1e-6)


def test_left_and_right_rules_miss_by_one_cell():
    """On w x^2 from zero, n steps of the left rule give w x^2 (1 - 1/n), of the right (1 + 1/n)."""
    left = run("integrated-gradients:steps=10,rule=left", quadratic(W), X).values["x"]
    right = run("integrated-gradients:steps=10,rule=right", quadratic(W), X).values["x"]
    np.testing.assert_allclose(left, W * X**2 * 0.9, rtol=1e-5)
    np.testing.assert_allclose(right, W * X**2 * 1.1, rtol=1e-5)


def test_integrated_gradients_of_two_inputs():
    """On a.b from zero both inputs share the product equally."""
    a, b = X, X[:, ::-1].copy()
    found = run("integrated-gradients:steps=3", product(), {"a": a, "b": b})
    np.testing.assert_allclose(found.values["a"], a * b / 2, rtol=1e-5)
    np.testing.assert_allclose(found.values["b"], a * b / 2, rtol=1e-5)


def test_integrated_gradients_of_a_relu_kink():
    """From baseline -1 to 3, the gradient lives on three quarters of the way: 3 w in the end."""
    x, base = np.full((1, 3), 3.0), np.full((1, 3), -1.0)
    found = run("integrated-gradients:steps=400", relu(W), x, {"x": base})
    np.testing.assert_allclose(found.values["x"], 3 * W[None], rtol=1e-5)


def test_refining_stops_when_the_gap_is_small_enough_and_says_how_far_it_went():
    x = np.array([[1.0, 1.0, 1.0], [3.0, 3.0, 3.0]])
    base = {"x": np.array([[0.0, 0.0, 0.0], [-0.1, -1.0, -2.7]])}
    engine = Spy(relu(W))
    found = run("integrated-gradients", engine, x, base, tolerance=1e-3)
    steps = found.completeness.steps
    assert steps[0] == 16
    assert steps[1] in (48, 144, 432)
    assert found.completeness.ok.all()
    assert len(engine.derived) == steps.sum()  # every point of a coarser rule was used again


def test_refining_ends_at_max_steps_and_the_check_fails():
    step = relu(W)
    step.f = lambda x: np.where(x["x"][:, 0] > 0.37, 5.0, 0.0)  # a jump that no gradient shows
    step.df = lambda x: {"x": np.zeros_like(x["x"])}
    found = run("integrated-gradients:max_steps=144", Spy(step), np.ones((1, 3)))
    assert found.completeness.steps.tolist() == [144]
    assert not found.completeness.ok[0]
    assert found.completeness.gap[0] == pytest.approx(1.0)


def test_nan_scores_are_never_complete():
    broken = linear(W)
    broken.f = lambda x: np.full(len(x["x"]), np.nan)
    found = run("integrated-gradients:max_steps=16", broken, X)
    assert not found.completeness.ok.any()


def test_smoothgrad_without_noise_is_the_gradient():
    np.testing.assert_allclose(
        run("smoothgrad:noise=0,samples=3", quadratic(W), X).values["x"], 2 * W * X, rtol=1e-6
    )


def test_smoothgrad_nears_the_mean_gradient_under_noise():
    """The gradient of a ReLU under noise s is w Phi(x / s): half of w at zero, all far out."""
    x = np.array([[0.0, 1.0, -1.0]])
    found = run("smoothgrad:samples=4000,noise=0.25", relu(W), x).values["x"][0]
    from math import erf, sqrt

    phi = [0.5 * (1 + erf(v / 0.5 / sqrt(2))) for v in x[0]]  # 0.25 of max - min = 0.5
    np.testing.assert_allclose(found, W * phi, atol=0.05)


def test_smoothgrad_of_another_method():
    found = run('smoothgrad:samples=2,noise=0,of="integrated-gradients:steps=3"', quadratic(W), X)
    np.testing.assert_allclose(found.values["x"], W * X**2, rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "derived", "scored"),
    [
        ("gradient", 2, 0),
        ("input-x-gradient", 2, 0),
        ("smoothgrad:samples=50", 100, 0),
        ("integrated-gradients:steps=20", 40, 2),
    ],
)
def test_no_method_asks_more_than_its_definition_needs(text, derived, scored):
    engine = Spy(linear(W))
    question = case(engine.engine, X)
    methods.build(text).attribute(engine, question)
    assert (len(engine.derived), len(engine.scored)) == (derived, scored)


@pytest.mark.parametrize("which", RULES)
@pytest.mark.parametrize("steps", [2, 3, 50])
def test_weights_sum_to_one_and_nodes_stay_on_the_line(which, steps):
    nodes, weights = rule(which, steps)
    assert len(nodes) == steps
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert 0 <= nodes.min() <= nodes.max() <= 1


def test_tripling_keeps_every_midpoint():
    coarse, fine = rule("midpoint", 16)[0], rule("midpoint", 48)[0]
    both = np.sort(np.concatenate([coarse, between(16)]))
    np.testing.assert_allclose(both, fine, atol=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "integrated-gradients:rule=left",
        "integrated-gradients:rule=trapezoid,steps=1",
        "integrated-gradients:steps=0",
        "integrated-gradients:rule=simpson,steps=3",
        "smoothgrad:samples=0",
        "smoothgrad:noise=-1",
        "smoothgrad:of=smoothgrad",
        "smoothgrad:of=nothing",
        "smoothgrad:sampels=3",
        "gradients",
    ],
)
def test_wrong_parameters_are_refused_before_any_work(text):
    with pytest.raises(UsageError):
        methods.build(text)
