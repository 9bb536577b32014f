"""Scores of copies of the input in which parts have the value of the baseline."""

import tracemalloc
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from inputgrad_cli.attribution import sums
from inputgrad_cli.draws import numbered, uniform
from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import kernel_shap, methods, rise, sobol
from inputgrad_cli.methods.perturbing import ragged
from inputgrad_cli.resample import resized
from tests import engines
from tests.engines import Formula, Spy, case, linear, neighbours, quadratic, relu

from . import W, X, run

FAMILY = [cls.name for cls in methods if cls.family == "perturbation"]
SEGMENTING = ["feature-ablation", "lime", "kernel-shap", "sobol"]
HALF = np.full_like(X, 0.5)
WIDE = np.linspace(-1.0, 2.0, 39).reshape(3, 13)  # too wide for all coalitions


def formula(f, *shape):
    """Return the model of one input that `f`, of arrays (N, ...), is."""
    return Formula(lambda x: f(np.asarray(x["x"], np.float64)), None, {"x": shape})


def pictures(text, f, x, baseline=0.0, axes=(1, 2)):
    """Return what a method finds in pictures, against a flat baseline."""
    x = np.asarray(x, np.float32)
    engine = formula(f, *x.shape[1:])
    question = replace(case(engine, x, {"x": np.full_like(x, baseline)}), spatial={"x": axes})
    return methods.build(text).attribute(engine, question).values["x"]


@pytest.mark.parametrize("name", ["occlusion", "feature-ablation", "lime", "kernel-shap"])
@pytest.mark.parametrize("make", [linear, quadratic, relu])
def test_sums_of_features_are_explained_by_their_differences(name, make):
    """Each feature stands alone, so it brings w (g(x) - g(b)) whoever is there already."""
    engine = make(W)
    one = np.eye(3)
    expected = np.stack(
        [engine.f({"x": HALF + (X - HALF) * e}) - engine.f({"x": HALF}) for e in one], axis=1
    )
    found = run(name, engine, X, {"x": HALF}).values["x"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["lime", "kernel-shap"])
def test_draws_explain_a_sum_exactly_too(name):
    weights = np.linspace(1.0, 2.0, 13)
    found = run(name, quadratic(weights), WIDE).values["x"]
    np.testing.assert_allclose(found, weights * WIDE**2, rtol=1e-4, atol=1e-5)


def test_a_product_of_two_inputs():
    """Of a b, each alone is lost whole; Shapley halves it; covered inputs stand by themselves."""
    a, b = X, X[:, ::-1] + 5.0
    inputs = {"a": a, "b": b}
    for name, share in (("occlusion", 1.0), ("feature-ablation", 1.0), ("kernel-shap", 0.5)):
        found = run(name, engines.product(), inputs)
        for site in "ab":
            np.testing.assert_allclose(found.values[site], share * a * b, rtol=1e-4, atol=1e-5)


def test_an_input_that_is_not_asked_about_stays():
    found = run("kernel-shap", engines.product(), {"a": X, "b": X + 9.0}, sites=["a"])
    assert set(found.values) == {"a"}
    np.testing.assert_allclose(found.values["a"], X * (X + 9.0), rtol=1e-5)


# Occlusion


def test_overlapping_windows_of_a_picture_are_averaged():
    """Windows of 2 on a picture of 3 x 3, one step at a time, under a sum of all pixels.

    With 1..9 in the picture they cover 12, 16, 24, 28; the middle is under all four of them.
    """
    x = np.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    found = pictures("occlusion:window=2,stride=1", lambda x: x.sum(axis=(1, 2, 3)), x)
    expected = [[12, 14, 16], [18, 20, 22], [24, 26, 28]]
    np.testing.assert_allclose(found[0, ..., 0], expected)


def test_a_window_covers_all_channels_and_takes_the_baselines_value():
    x = np.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    last = pictures("occlusion:window=1,stride=1", lambda x: x.sum(axis=(1, 2, 3)), x, 0.5)
    np.testing.assert_allclose(last, [[[[2, 2], [6, 6]]]])
    first = pictures(
        "occlusion:window=1", lambda x: x.sum(axis=(1, 2, 3)), np.moveaxis(x, -1, 1), 0.5, (2, 3)
    )
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), last)


def test_the_last_window_ends_at_the_edge():
    """Windows of 3 by steps of 2 on 6 cells: 0-2, 2-4, and 3-5 where 4-6 would reach beyond."""
    x = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    found = run("occlusion:window=3,stride=2", linear(np.ones(6)), x[None]).values["x"]
    one, two, three = 7.0, 28.0, 56.0
    middle = (two + three) / 2
    np.testing.assert_allclose(found, [[one, one, (one + two) / 2, middle, middle, three]])


@pytest.mark.parametrize("length", range(1, 20))
def test_windows_cover_every_cell(length):
    """A score of 1 where nothing is covered and 0 else: the mean over windows is 1 everywhere."""
    for text in ("occlusion", "occlusion:window=3", "occlusion:window=4,stride=4"):
        found = pictures(
            text, lambda x: (x.min(axis=(1, 2, 3)) > 0) * 1.0, np.ones((1, length, 2, 1))
        )
        np.testing.assert_allclose(found, 1.0)


def test_a_series_is_covered_span_by_span_and_channel_by_channel():
    x = np.ones((1, 16, 2))
    engine = Spy(formula(lambda x: x @ [1.0, 10.0] @ np.ones(16), 16, 2))
    found = run("occlusion", engine, x).values["x"]
    np.testing.assert_allclose(found, np.broadcast_to([2.0, 20.0], x.shape))
    assert len(engine.scored) == 1 + 15 * 2


def test_tokens_are_covered_one_by_one():
    site = "layer:embedding"
    weights = np.arange(6.0).reshape(3, 2)
    engine = Formula(lambda x: (x[site] * weights).sum(axis=(1, 2)), None, {site: (3, 2)})
    for text in ("occlusion", "feature-ablation", "kernel-shap"):
        found = run(text, engine, {site: np.ones((1, 3, 2))}).values[site][0]
        each = np.array([1.0, 5.0, 9.0]) / (2 if text == "kernel-shap" else 1)
        np.testing.assert_allclose(found, np.repeat(each[:, None], 2, axis=1), rtol=1e-6)


# Feature ablation


def test_a_group_is_lost_as_one():
    found = run("feature-ablation:groups=0-1", linear(W), X).values["x"]
    both = W[0] * X[:, 0] + W[1] * X[:, 1]
    np.testing.assert_allclose(found, np.stack([both, both, W[2] * X[:, 2]], axis=1), rtol=1e-5)


def test_groups_may_be_of_one_feature_and_in_any_order():
    engine = Spy(linear(np.ones(6)))
    found = run("feature-ablation:groups=5;2-3", engine, np.arange(6.0)[None]).values["x"]
    np.testing.assert_allclose(found, [[0, 1, 5, 5, 4, 5]])
    assert len(engine.scored) == 1 + 5  # the clean one is the helper's


def test_windows_of_a_picture_are_lost_with_all_channels():
    x = np.arange(16.0).reshape(1, 2, 4, 2)
    found = pictures("feature-ablation:grid=2", lambda x: x.sum(axis=(1, 2, 3)), x)
    expected = [[6, 6, 22, 22], [38, 38, 54, 54]]
    np.testing.assert_allclose(found[0, ..., 0], expected)
    np.testing.assert_allclose(found[0, ..., 1], expected)


# RISE


def by_definition(engine, x, p, centred):
    """Return the mean over all masks of (score - mean score) mask / p."""
    masks = np.array(list(product([0, 1], repeat=x.shape[1])))
    chances = p ** masks.sum(axis=1) * (1 - p) ** (1 - masks).sum(axis=1)
    scores = np.stack([engine.f({"x": x * mask}) for mask in masks], axis=1)
    mean = (scores @ chances)[:, None] * centred
    return (scores - mean) * chances @ masks / p


@pytest.mark.parametrize("p", [0.5, 0.2])
@pytest.mark.parametrize("centred", [True, False])
def test_rise_is_its_definition_over_all_masks(p, centred):
    engine = neighbours(3)
    found = run(f"rise:p={p},centred={str(centred).lower()}", engine, X).values["x"]
    np.testing.assert_allclose(found, by_definition(engine, X, p, centred), rtol=1e-5)


@pytest.mark.parametrize("centred", [True, False])
def test_drawn_masks_come_near_the_definition(centred):
    engine = neighbours(13)
    text = f"rise:samples=8000,centred={str(centred).lower()}"
    found = run(text, engine, WIDE).values["x"]
    misses = found - by_definition(engine, WIDE, 0.5, centred)
    scores = engine.f(
        {"x": np.tile(WIDE, (2000, 1)) * (np.random.default_rng(0).random((6000, 13)) < 0.5)}
    )
    error = scores.reshape(2000, 3).std(axis=0) * (1 if centred else 2) / np.sqrt(8000)
    assert np.all(np.sqrt((misses**2).mean(axis=1)) < 2 * error)


def test_rise_of_a_linear_model_is_the_part_that_goes():
    found = run("rise:p=0.3,centred=true", linear(W, 5.0), X, {"x": HALF}).values["x"]
    np.testing.assert_allclose(found, 0.7 * W * (X - HALF), rtol=1e-5, atol=1e-5)


def test_masks_that_leave_everything_tell_nothing():
    x = np.ones((2, 9, 6, 1))
    score = lambda x: x.sum(axis=(1, 2, 3))  # noqa: E731
    np.testing.assert_allclose(pictures("rise:samples=20,p=1,centred=true", score, x), 0, atol=1e-5)
    np.testing.assert_allclose(
        pictures("rise:samples=20,p=1,centred=false", score, x), 54, rtol=1e-6
    )


@pytest.mark.parametrize("size", [(14, 20), (5, 224), (1, 3)])
def test_masks_of_pictures_are_enlarged_and_cut_out_as_in_the_paper(size):
    x = np.ones((1, *size, 3))
    question = replace(case(formula(np.ravel, *size, 3), x[:, :1, :1, :1]), spatial={"x": (1, 2)})
    question = replace(question, inputs={"x": x})
    made = rise._Masks(question, methods.build("rise:samples=50"))(0, np.arange(50))["x"]
    draws = numbered(question.keys[0], "masks", np.arange(50), 51)
    cells = [-(-side // 7) for side in size]
    whole = resized((draws[:, :49] < 0.5).reshape(50, 7, 7), [8 * cell for cell in cells])
    for mask, draw, large in zip(made, draws, whole, strict=True):
        y, z = (int(shift * cell) for shift, cell in zip(draw[-2:], cells, strict=True))
        np.testing.assert_allclose(mask[..., 0], large[y : y + size[0], z : z + size[1]], atol=1e-6)


def test_masks_of_pictures_leave_a_share_of_p():
    question = replace(
        case(formula(lambda x: x.sum(axis=(1, 2, 3)), 28, 28, 1), np.ones((1, 28, 28, 1))),
        spatial={"x": (1, 2)},
    )
    masks = rise._Masks(question, methods.build("rise:samples=4000,p=0.3"))(0, np.arange(4000))
    assert masks["x"].min() >= 0
    assert masks["x"].max() <= 1
    np.testing.assert_allclose(masks["x"].mean(axis=0), 0.3, atol=0.04)


def test_rise_finds_the_pixels_that_count():
    x = np.random.default_rng(0).random((2, 21, 21, 3)) + 1
    found = pictures("rise", lambda x: x[:, 3:6, 15:18].sum(axis=(1, 2, 3)), x)
    for row in found:
        assert np.unravel_index(row[..., 0].argmax(), (21, 21)) in product(
            range(2, 7), range(14, 19)
        )


def test_a_picture_and_a_vector_are_masked_together():
    engine = Formula(
        lambda x: x["p"].mean(axis=(1, 2, 3)) + 3 * x["v"][:, 0], None, {"p": (8, 8, 1), "v": (2,)}
    )
    question = case(engine, {"p": np.ones((1, 8, 8, 1)), "v": np.ones((1, 2))})
    question = replace(question, spatial={"p": (1, 2)})
    found = methods.build("rise:centred=true").attribute(engine, question).values
    np.testing.assert_allclose(found["v"], [[1.5, 0.0]], atol=0.15)
    assert found["p"].shape == (1, 8, 8, 1)


# LIME


def test_lime_of_a_product_is_the_weighted_fit_written_out():
    """Four copies of two features, x1 x2 = 6, weights exp(-8 d^2) with d = 0, 1 - sqrt(1/2), 1."""
    engine = formula(lambda x: x[:, 0] * x[:, 1], 2)
    found = run("lime", engine, np.array([[2.0, 3.0]])).values["x"]
    near = np.exp(-8 * (1 - np.sqrt([0, 0.5, 0.5, 1])) ** 2)
    design = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]]) * np.sqrt(near)[:, None]
    fit = np.linalg.solve(design.T @ design, design.T @ (np.sqrt(near) * [0, 0, 0, 6]))
    np.testing.assert_allclose(found, [fit[1:]], rtol=1e-5)


def test_a_ridge_shrinks_the_coefficients():
    free, held, flat = (run(f"lime:ridge={r}", linear(W), X).values["x"] for r in (0, 1, 1e9))
    assert np.all((held**2).sum(axis=1) < (free**2).sum(axis=1))
    np.testing.assert_allclose(flat, 0, atol=1e-6)


def test_lime_of_a_picture_gives_a_segments_coefficient_to_all_of_it():
    x = np.ones((1, 4, 4, 3))
    found = pictures("lime:grid=2", lambda x: x[:, :2, :2].sum(axis=(1, 2, 3)), x)
    np.testing.assert_allclose(found[0, :2, :2], 12, rtol=1e-5)
    np.testing.assert_allclose(found[0, 2:], 0, atol=1e-5)


# Kernel SHAP


def shapley(game, players):
    """Return the Shapley values of a game on sets, by the mean over all orders."""
    values = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        for place, player in enumerate(order):
            values[player] += game({*order[: place + 1]}) - game({*order[:place]})
    return values / len(orders)


@pytest.mark.parametrize("players", [1, 2, 3, 4])
def test_shapley_values_are_the_mean_over_all_orders(players):
    worths = np.random.default_rng(players).normal(size=2**players)

    def worth(stay):
        return worths[(stay * 2 ** np.arange(players)).sum(axis=-1).astype(int)]

    engine = formula(worth, players)
    found = run("kernel-shap", engine, np.ones((1, players)))
    expected = shapley(lambda some: worth(np.isin(np.arange(players), list(some)) * 1), players)
    np.testing.assert_allclose(found.values["x"][0], expected, rtol=1e-5, atol=1e-6)
    assert found.completeness.gap[0] < 1e-5


def test_an_unused_segment_of_an_enumerated_game_has_nothing_at_all():
    engine = formula(lambda x: x[:, 0] * np.exp(x[:, 1]), 3)
    assert np.all(run("kernel-shap", engine, X).values["x"][:, 2] == 0)


def test_drawn_coalitions_come_near_the_shapley_values_and_sum_up_exactly():
    """Of sum x^2 + sum of products of neighbours: the square, and half of each product."""
    x = WIDE
    pairs = x[:, 1:] * x[:, :-1] / 2
    expected = x**2 + np.pad(pairs, ((0, 0), (1, 0))) + np.pad(pairs, ((0, 0), (0, 1)))
    found = run("kernel-shap", neighbours(13), x)
    np.testing.assert_allclose(found.values["x"], expected, atol=0.02)
    np.testing.assert_allclose(found.completeness.gap, 0, atol=1e-5)


def test_more_samples_than_coalitions_make_the_draws_exact():
    engine = formula(lambda x: np.tanh(x.sum(axis=1)) * x[:, 3], 13)
    exact = run("kernel-shap:samples=8190", Spy(engine), WIDE).values["x"]
    drawn = run("kernel-shap", engine, WIDE).values["x"]
    few = run("kernel-shap:samples=100", engine, WIDE).values["x"]
    assert 0 < np.abs(drawn - exact).max() < 0.02
    assert np.abs(drawn - exact).max() < np.abs(few - exact).max()


@pytest.mark.parametrize(("players", "samples"), [(13, 2000), (64, 2176), (20, 80), (1024, 4096)])
def test_coalitions_begin_with_the_outer_sizes_and_come_in_pairs(players, samples):
    rows, shares = kernel_shap._coalitions(b"key", players, samples)
    assert samples - 1 <= len(rows) <= samples
    assert shares.sum() == pytest.approx(1)
    assert np.all((rows.sum(axis=1) > 0) & (rows.sum(axis=1) < players))
    packed = {row.tobytes() for row in np.packbits(rows, axis=1)}
    assert packed == {row.tobytes() for row in np.packbits(~rows, axis=1)}
    if samples > 1000 > players:
        sizes = np.bincount(rows.sum(axis=1), minlength=players)
        assert sizes[1] == sizes[players - 1] == players
    by_size = np.bincount(rows.sum(axis=1), shares, players)[1:]
    kernel = 1 / (np.arange(1, players) * np.arange(players - 1, 0, -1))
    np.testing.assert_allclose(by_size, kernel / kernel.sum(), atol=1.5 / np.sqrt(samples))


def test_a_segments_shapley_value_is_shared_among_its_values():
    x = np.ones((1, 4, 4, 3))
    found = pictures("kernel-shap:grid=2", lambda x: x[:, :2, :2].sum(axis=(1, 2, 3)), x)
    np.testing.assert_allclose(found[0, :2, :2], 1, rtol=1e-6)
    assert np.all(found[0, 2:] == 0)


def test_several_inputs_are_players_of_one_game():
    engine = Formula(
        lambda x: x["p"].mean(axis=(1, 2, 3)) * x["v"][:, 0], None, {"p": (4, 4, 1), "v": (1,)}
    )
    question = case(engine, {"p": np.ones((1, 4, 4, 1)), "v": [[2.0]]})
    question = replace(question, spatial={"p": (1, 2)})
    found = methods.build("kernel-shap:grid=2").attribute(engine, question)
    np.testing.assert_allclose(found.values["v"], [[1.0]], rtol=1e-5)
    np.testing.assert_allclose(found.values["p"], 1 / 16, rtol=1e-5)
    np.testing.assert_allclose(sums(found.values), [2.0], rtol=1e-5)


# Sobol


def test_indices_of_a_linear_model_are_shares_of_squares():
    found = run("sobol:samples=4096", linear(W, 7.0), X, {"x": HALF}).values["x"]
    squares = (W * (X - HALF)) ** 2
    np.testing.assert_allclose(found, squares / squares.sum(axis=1, keepdims=True), atol=0.03)


def test_indices_of_a_product_count_the_interaction_for_both():
    """Of a b with a and b even on [0, 1): Var = 1/9 - 1/16, and (1/3)(1/12) moves with each."""
    found = run("sobol:samples=8192", formula(lambda x: x[:, 0] * x[:, 1], 2), np.ones((1, 2)))
    np.testing.assert_allclose(found.values["x"], 4 / 7, atol=0.03)


def test_a_score_that_does_not_vary_has_no_indices():
    assert np.all(run("sobol", linear(np.zeros(3), 5.0), X).values["x"] == 0)
    wobble = formula(lambda x: 5 + 1e-8 * x[:, 0], 3)
    assert np.all(run("sobol", wobble, X).values["x"] == 0)


def test_designs_fill_every_axis_evenly_and_points_swap_one_column():
    first, second = methods.build("sobol:samples=8")._designs(b"key", 3)
    for design in (first, second):
        assert np.sort((design * 8).astype(int), axis=0).T.tolist() == [list(range(8))] * 3
    points = sobol._points(first, second, np.arange(8 * 4))
    np.testing.assert_array_equal(points[:8], first)
    for column in range(3):
        mixed = first.copy()
        mixed[:, column] = second[:, column]
        np.testing.assert_array_equal(points[8 * (column + 1) : 8 * (column + 2)], mixed)


def test_a_picture_has_eleven_windows_a_side():
    assert methods.build("sobol").passes == 32 * (121 + 1)
    found = pictures("sobol:samples=64", lambda x: x[:, 0, 0, 0], np.ones((1, 22, 22, 1)))
    assert np.all(found[0, :2, :2] > 0.5)
    assert np.all(found[0, 2:] == 0)


# All of them


@pytest.mark.parametrize(
    ("text", "features", "scored"),
    [
        ("occlusion", 5, 5),
        ("occlusion:window=2", 5, 4),
        ("feature-ablation", 5, 5),
        ("feature-ablation:groups=0-2", 5, 3),
        ("rise:centred=true", 5, 31),
        ("rise", 5, 30),
        ("rise:samples=31", 5, 31),
        ("rise:samples=31", 6, 31),
        ("lime", 5, 31),
        ("lime:samples=20", 5, 19),
        ("kernel-shap", 5, 30 + 1),
        ("kernel-shap", 1, 1),
        ("kernel-shap", 13, 2048 + 26 + 1),
        ("kernel-shap:samples=29", 5, 28 + 1),
        ("sobol:samples=8", 5, 8 * 6),
    ],
)
def test_no_method_asks_more_than_its_definition_needs(text, features, scored):
    engine = Spy(linear(np.ones(features)))
    x = np.arange(2.0 * features).reshape(2, features) + 1
    question = case(engine.engine, x)  # its clean scores are known
    methods.build(text).attribute(engine, question)
    assert (len(engine.scored), len(engine.derived)) == (2 * scored, 0)


@pytest.mark.parametrize("name", FAMILY)
def test_clean_scores_are_asked_for_once_where_they_are_not_known(name):
    engine = Spy(neighbours(4))
    x = WIDE[:2, 4:8]
    question = case(engine.engine, x)
    known = methods.build(name).attribute(engine, question)
    before = len(engine.scored)
    anew = methods.build(name).attribute(engine, replace(question, scores=None))
    uses_clean = name != "sobol"
    assert len(engine.scored) - 2 * before == 2 * uses_clean
    np.testing.assert_array_equal(known.values["x"], anew.values["x"])


@pytest.mark.parametrize("name", FAMILY)
def test_draws_depend_on_the_sample_alone(name):
    """Batch, order and size of a pass decide nothing, on an input too wide to take all masks."""
    method = methods.build(name if name != "rise" else "rise:samples=500")
    whole = method.attribute(neighbours(13), case(neighbours(13), WIDE)).values["x"]
    for size in (1, 64, 1000):
        engine = neighbours(13)
        engine.batch_size = size
        for rows in ([2, 0, 1], [1]):
            found = method.attribute(engine, case(engine, WIDE[rows])).values["x"]
            np.testing.assert_allclose(found, whole[rows], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", FAMILY)
def test_passes_do_not_grow_with_the_samples(name):
    engine = Spy(neighbours(13))
    run(name, engine, WIDE)
    assert engine.largest <= engine.batch_size


@pytest.mark.parametrize("text", ["rise", "lime:grid=2", "kernel-shap:grid=4", "sobol:grid=4"])
def test_memory_does_not_grow_with_the_samples(text):
    peaks = []
    for samples in (70, 700):
        tracemalloc.start()
        both = f"{text}{',' if ':' in text else ':'}samples={samples}"
        pictures(both, lambda x: x.sum(axis=(1, 2, 3)), np.ones((1, 112, 112, 3)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


@pytest.mark.parametrize("name", SEGMENTING)
def test_superpixels_serve_every_method_of_segments(name):
    x = np.zeros((2, 24, 32, 3))
    x[0, :, 16:], x[1, 12:] = 1.0, 1.0
    text = f"{name}:segments=superpixels,grid=2"
    found = pictures(text, lambda x: x.sum(axis=(1, 2, 3)), x)
    assert np.all(np.abs(found[0, :, :16]) < 1e-4)
    assert np.all(found[0, :, 16:] > 1e-4)
    assert np.all(np.abs(found[1, :12]) < 1e-4)


def test_an_inner_method_may_ask_for_scores_alone():
    found = run("smoothgrad:of=occlusion,samples=4,noise=0", linear(W), X).values["x"]
    np.testing.assert_allclose(found, W * X, rtol=1e-5)


def test_ragged_numbers_come_sample_by_sample():
    pairs = [
        (int(row), int(number))
        for rows, numbers in ragged([2, 0, 3, 1], 4)
        for row, number in zip(rows, numbers, strict=True)
    ]
    assert pairs == [(0, 0), (0, 1), (2, 0), (2, 1), (2, 2), (3, 0)]
    assert [len(rows) for rows, _ in ragged([2, 0, 3, 1], 4)] == [4, 2]
    assert list(ragged([0, 0], 4)) == []


def test_numbered_draws_are_the_same_however_they_are_asked_for():
    whole = numbered(b"key", "stream", np.arange(200), 3)
    np.testing.assert_array_equal(whole[64:128], uniform(b"key", "stream", 1, (64, 3)))
    np.testing.assert_array_equal(
        numbered(b"key", "stream", np.array([130, 5]), 3), whole[[130, 5]]
    )
    assert not np.array_equal(whole, numbered(b"other", "stream", np.arange(200), 3))


@pytest.mark.parametrize(
    "text",
    [
        "occlusion:window=0",
        "occlusion:window=2,stride=3",
        "feature-ablation:groups=a",
        "feature-ablation:groups=3-1",
        "feature-ablation:groups=0-3;3",
        "feature-ablation:groups=0-3,segments=windows",
        "feature-ablation:groups=0-3,grid=2",
        "feature-ablation:segments=pixels",
        "rise:p=0",
        "rise:p=1.5",
        "rise:samples=0",
        "lime:samples=1",
        "lime:width=0",
        "lime:ridge=-1",
        "kernel-shap:samples=1",
        "sobol:samples=1",
        "sobol:grid=0",
        "smoothgrad:of=rise",
    ],
)
def test_wrong_parameters_are_refused_before_any_work(text):
    with pytest.raises(UsageError):
        methods.build(text)


@pytest.mark.parametrize(
    ("text", "shape", "mend"),
    [
        ("kernel-shap:segments=features", (64, 64, 3), "segments=windows,grid=8"),
        ("lime:segments=features", (64, 64, 3), "segments=windows,grid=8"),
        ("sobol:segments=features", (64, 64, 3), "segments=windows,grid=8"),
        ("feature-ablation:segments=features", (224, 224, 3), "segments=windows,grid=8"),
        ("lime:samples=60", (64, 64, 3), "samples=640"),
        ("kernel-shap:samples=60", (64, 64, 3), "samples=640"),
        ("occlusion:stride=9", (64, 64, 3), "stride=8"),
        ("feature-ablation:groups=0-1", (64, 64, 3), "--wrt"),
        ("feature-ablation:groups=0-5", (5,), "there are 5"),
        ("lime:segments=superpixels", (5,), "segments=auto"),
    ],
)
def test_what_makes_no_sense_for_an_input_names_the_parameter_that_mends_it(text, shape, mend):
    engine = Spy(formula(lambda x: x.reshape(len(x), -1).sum(axis=1), *shape))
    spatial = {"x": (1, 2)} if len(shape) == 3 else {}
    question = replace(case(engine.engine, np.ones((1, *shape))), spatial=spatial)
    with pytest.raises(UsageError, match=mend):
        methods.build(text).attribute(engine, question)
    assert not engine.scored


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_single_number_is_explained(name, shape):
    """Of 3 x at x = 2 all is lost without it; its share of what varies is the whole."""
    engine = Formula(lambda x: 3 * x["x"].reshape(-1), None, {"x": shape})
    found = run(name, engine, np.full((2, *shape), 2.0)).values["x"]
    expected = 1.0 if name == "sobol" else 6.0
    np.testing.assert_allclose(
        found, np.full((2, *shape), expected), rtol=0.5 * (name == "sobol") + 1e-6
    )
