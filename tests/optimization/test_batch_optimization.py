"""One batch optimized: who is moved, and that figures are those of the rounded result."""

from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec, Signature
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.engine import Gradients
from inputgrad_cli.optimization.batch_optimization import optimize_batch
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.optimization.input_constraints import SearchLimits
from inputgrad_cli.optimization.request import OptimizeRequest, SearchHooks
from tests.optimization.linear_engine import LinearEngine, rows_of
from tests.optimization.small_goals import Attack, Climb, Repair

X = np.random.default_rng(5).normal(size=(6, 3)).astype(np.float32)


def logits(classes=4, width=3, **asked):
    rng = np.random.default_rng(3)
    return LinearEngine(rng.normal(size=(classes, width)), rng.normal(size=classes), **asked)


def optimize_rows(engine, samples, goal, target="auto", truth=None, hooks=None, **asked):
    request = OptimizeRequest(goal, parse_target(target), **asked)
    samples = samples if isinstance(samples, Samples) else rows_of(samples)
    return optimize_batch(engine, samples, request, truth, hooks=hooks)


class PictureEngine(LinearEngine):
    """A linear model of pictures of one row, (1, W, 1)."""

    def __init__(self, weights, offsets=0.0, **asked):
        super().__init__(weights, offsets, **asked)
        width = self.weights.shape[1]
        self.signature = Signature((InputSpec("x", (1, width, 1)),), self.signature.outputs)

    def logits(self, x):
        return super().logits(np.asarray(x, float).reshape(len(x), -1))

    def compute_gradients(self, inputs, target, sites):
        shape = inputs["x"].shape
        flat = {"x": inputs["x"].reshape(len(inputs["x"]), -1)}
        gradients = super().compute_gradients(flat, target, sites)
        return Gradients({"x": gradients.values["x"].reshape(shape)}, gradients.scores)


def pictures(pixels, preset="unit"):
    array = np.array(pixels, np.uint8)[:, None, :, None]
    preprocess = PRESETS[preset]
    return Samples(
        {"x": preprocess.apply(array)},
        many=True,
        pixels={"x": array},
        preprocess={"x": preprocess},
    )


def test_an_attack_leaves_the_predicted_class_and_says_how():
    engine = logits()
    results = optimize_rows(engine, X, Attack(), labels=("a", "b", "c", "d"))
    for row, result in enumerate(results):
        point = result.values["x"]
        z = engine.logits(np.stack([X[row], point]))
        assert result.search == "success"
        assert (result.before.class_index, result.after.class_index) == tuple(z.argmax(axis=1))
        assert result.before.class_index != result.after.class_index == z[1].argmax()
        assert result.after.label == "abcd"[z[1].argmax()]
        assert result.after.probability == pytest.approx(engine.outputs(point[None]).max(), 1e-5)
        assert result.target.left == result.before.class_index
        assert result.after.score > 0 > result.before.score
        np.testing.assert_allclose(result.changes["x"], point - X[row], atol=1e-6)
        change = point.astype(float) - X[row]
        assert result.distances.linf == pytest.approx(np.abs(change).max())
        assert result.distances.l2 == pytest.approx(np.sqrt((change**2).sum()))
        assert result.distances.l1 == pytest.approx(np.abs(change).sum())
        assert result.distances.l0 == np.count_nonzero(change)
        assert result.cost.stopped == "reached"
        assert result.trace.shape == (result.cost.gradient_calls + result.cost.score_calls, 5)
        assert set(result.to_arrays()) == {"x", "x.change", "trace"}


def test_an_item_that_was_wrong_before_is_not_attacked_and_no_success():
    engine = logits()
    truth = engine.logits(X).argmax(axis=1)
    truth[[1, 4]] = (truth[[1, 4]] + 1) % 4
    results = optimize_rows(engine, X, Attack(), truth=truth)
    assert [result.search for result in results].count("already") == 2
    for row in (1, 4):
        assert results[row].search == "already"
        assert results[row].cost.gradient_calls == 0
        assert results[row].cost.stopped == "already"
        assert results[row].distances.l0 == 0
        assert results[row].trace.shape == (0, 5)
        np.testing.assert_array_equal(results[row].values["x"], X[row])
        assert results[row].before == results[row].after


def test_no_search_is_begun_where_all_have_arrived():
    engine = logits()
    truth = (engine.logits(X).argmax(axis=1) + 1) % 4
    results = optimize_rows(engine, X, Attack(), truth=truth)
    assert {result.search for result in results} == {"already"}
    assert engine.calls["gradients"] == 0


def test_a_class_is_reached_and_its_own_items_are_there_already():
    engine = logits()
    results = optimize_rows(engine, X, Attack(), "class:2")
    own = engine.logits(X).argmax(axis=1) == 2
    for result, is_own in zip(results, own, strict=True):
        assert result.search == ("already" if is_own else "success")
        assert result.after.class_index == 2 == result.target.sought


@pytest.mark.parametrize("order", [[3, 1, 0, 5, 2, 4], [2], [5, 0]])
def test_no_result_depends_on_the_other_items(order):
    whole = optimize_rows(logits(), X, Attack(), truth=np.array([0, 1, 2, 3, 0, 1]))
    part = optimize_rows(logits(), X[order], Attack(), truth=np.array([0, 1, 2, 3, 0, 1])[order])
    for position, row in enumerate(order):
        assert part[position].to_json() == whole[row].to_json()
        np.testing.assert_array_equal(part[position].trace, whole[row].trace)


def test_pictures_are_moved_in_pixels_and_reported_as_rounded():
    """The step of 0.7 pixels is found again as whole pixels, and in the model's units."""
    engine = PictureEngine([[1.0, -1.0, 2.0, 0.5], [0.0, 0.0, 0.0, 0.0]], [-0.5, 0.0])
    samples = pictures([[100, 90, 80, 10], [0, 255, 0, 255]])
    results = optimize_rows(engine, samples, Attack(step=0.7, signs=True, steps=400))
    for row, result in enumerate(results):
        pixels = result.values["x"]
        assert pixels.shape == (1, 4, 1)
        assert pixels.dtype == np.float32
        assert (pixels == np.rint(pixels)).all()
        assert 0 <= pixels.min() <= pixels.max() <= 255
        assert result.search == "success"
        assert result.pictures == ("x",)
        change = pixels - samples.pixels["x"][row]
        np.testing.assert_array_equal(result.changes["x"], change)
        assert result.distances.linf == np.abs(change).max() > 1
        assert result.distances.to_json()["fractions"]["linf"] == result.distances.linf / 255
        z = engine.logits(PRESETS["unit"].apply(pixels[None]))[0]
        assert result.after.score == pytest.approx(abs(z[0] - z[1]), rel=1e-5)
        assert result.after.class_index == z.argmax()


def test_what_is_lost_in_rounding_is_a_failure():
    """The class changes below pixel 100.6, and the goal claims to have reached it at 100.55."""

    class Careless(Attack):
        name = "careless"

        def search(self, problem):
            log = SearchLog(problem)
            log.compute_gradients(problem.start, problem.rows)
            result = log.build_result()
            stops = ["reached"] * len(problem)
            return replace(result, points=result.points - np.float32(0.45), stops=stops)

    engine = PictureEngine([[255.0], [0.0]], [-100.6, 0.0])
    (result,) = optimize_rows(engine, pictures([[101]]), Careless())
    assert result.values["x"].item() == 101
    assert (result.search, result.cost.stopped) == ("failed", "rounding")
    assert result.after.score < 0
    engine = PictureEngine([[255.0], [0.0]], [-100.3, 0.0])
    (result,) = optimize_rows(engine, pictures([[101]]), Attack(step=0.8, signs=True, steps=1))
    assert result.values["x"].item() == 100
    assert result.search == "success"


def test_only_what_is_read_back_is_reported():
    """A store that darkens what it writes is seen in the result, its score and its norms."""
    engine = PictureEngine([[1.0, -1.0, 2.0, 0.5], [0.0, 0.0, 0.0, 0.0]], [-0.5, 0.0])
    samples = pictures([[100, 90, 80, 10]])
    seen = []

    def store(name, pixels):
        assert name == "x"
        assert pixels.dtype == np.uint8
        seen.append(pixels)
        return pixels // 2

    hooks = SearchHooks(store_pixels=store)
    (result,) = optimize_rows(engine, samples, Attack(step=2, signs=True, steps=100), hooks=hooks)
    np.testing.assert_array_equal(result.values["x"], seen[0] // 2)
    change = (seen[0] // 2).astype(float) - samples.pixels["x"][0]
    assert result.distances.l1 == np.abs(change).sum()
    z = engine.logits(PRESETS["unit"].apply(seen[0][None] // 2))[0]
    assert result.after.score == pytest.approx(z[1] - z[0], rel=1e-5)


def test_a_search_without_an_end_succeeds_where_the_score_rose():
    engine = LinearEngine([[1.0, -1.0]], activation=None)
    results = optimize_rows(engine, [[0, 0], [3, 1]], Climb(steps=5))
    for result in results:
        assert result.search == "success"
        assert result.target.wanted is None
        assert result.after.score == pytest.approx(result.before.score + 5 * 0.1 * 2, rel=1e-4)
        assert result.after.class_index is None
    flat = LinearEngine([[0.0, 0.0]], activation=None)
    (result,) = optimize_rows(flat, [[1, 2]], Climb(steps=5))
    assert (result.search, result.cost.stopped) == ("failed", "zero-gradient")


def test_a_regression_is_brought_between_two_values():
    engine = LinearEngine([[1.0, 1.0]], activation=None)
    results = optimize_rows(engine, [[0, 0], [5, 5], [1, 1]], Repair(step=0.25), until=(1.5, 2.5))
    assert [result.search for result in results] == ["success", "success", "already"]
    for result in results:
        assert 1.5 <= result.values["x"].sum() <= 2.5


def test_frozen_values_are_equal_bit_for_bit():
    limits = SearchLimits(freeze=("1",))
    for row, result in enumerate(optimize_rows(logits(), X, Attack(), limits=limits)):
        assert result.values["x"][0] == X[row, 0]
        assert result.changes["x"][0] == 0
        assert result.distances.l0 <= 2


def test_the_radii_of_an_attack_are_recorded_as_asked_and_as_used():
    goal = goals.build("fgsm:eps=1.5/255;4/255")
    samples = pictures([[100, 90, 80, 10]])
    engine = PictureEngine([[1.0, -1.0, 2.0, 0.5], [0.0, 0.0, 0.0, 0.0]], [-0.5, 0.0])
    (result,) = optimize_rows(engine, samples, goal)
    asked, used = np.transpose(result.radii)
    np.testing.assert_allclose(asked * 255, [1.5, 4])
    np.testing.assert_allclose(used * 255, [1, 4])
    assert "radius-rounded" in result.notes
    assert result.distances.linf <= 4


def test_what_the_goal_notes_of_an_item_is_a_note_of_its_result():
    class Notes(Attack):
        name = "notes"

        def search(self, problem):
            notes = ["", *["stuck"] * (len(problem) - 1)]
            return replace(super().search(problem), notes=notes)

    results = optimize_rows(logits(), X, Notes())
    assert [result.notes.get("search") for result in results] == [None] + ["stuck"] * 5


def test_a_score_that_is_not_finite_fails_its_item_alone():
    class Broken(LinearEngine):
        def _all_scores(self, x, target):
            scores = super()._all_scores(x, target)
            scores[np.all(np.asarray(x) == X[2], axis=1)] = np.nan
            return scores

    engine = logits()
    results = optimize_rows(Broken(engine.weights, engine.offsets), X, Attack())
    assert [isinstance(result, ItemError) for result in results] == [False] * 2 + [True] + [
        False
    ] * 3
    assert results[2].kind == "nonfinite"


def test_logits_that_are_not_proved_are_warned_about():
    results = optimize_rows(logits(proved=False), X, Attack())
    assert all("logit-unproved" in result.notes for result in results)
    assert not any(result.notes for result in optimize_rows(logits(), X, Attack()))
    probability = optimize_rows(logits(), X, Attack(), space="probability")
    assert all("logit-unproved" in result.notes for result in probability)


def test_a_picture_of_more_than_8_bits_starts_at_its_rounding_and_says_so():
    engine = PictureEngine([[1.0, -1.0], [0.0, 0.0]])
    samples = pictures([[100, 90], [10, 20]])
    deep = PRESETS["unit"].apply(
        samples.pixels["x"] + np.float32([[0.25], [0.0]])[:, None, :, None]
    )
    results = optimize_rows(
        engine, replace(samples, arrays={"x": deep}), Attack(signs=True, step=1)
    )
    assert [set(result.notes) for result in results] == [{"start-rounded"}, set()]
    np.testing.assert_array_equal(results[0].trace[0, 2:4], 0)


def test_the_search_can_be_stopped_and_tells_its_steps():
    steps = []
    hooks = SearchHooks(on_step=lambda done, total: steps.append((done, total)))
    optimize_rows(logits(), X[:1], Climb(steps=3), hooks=hooks)
    assert steps == [(1, 3), (2, 3), (3, 3)]
    engine = logits()
    optimize_rows(engine, X[:1], Climb(steps=3), hooks=SearchHooks(should_stop=lambda: True))
    assert engine.calls["gradients"] == 0


def test_a_problem_holds_what_is_known_of_the_samples():
    problems = []

    class Look(Climb):
        name = "look"

        def search(self, problem):
            problems.append(problem)
            return super().search(problem)

    data = Samples({"x": np.concatenate([X, -X])}, many=True)
    sound = replace(rows_of(X), record={"sample_rate": {"x": 8000}})
    limits = SearchLimits(data=data)
    optimize_rows(logits(), sound, Look(), limits=limits, from_noise=True)
    (problem,) = problems
    assert problem.series == {"x"}
    assert problem.from_noise
    np.testing.assert_array_equal(problem.data, data.arrays["x"])
    assert problem.features is None  # one value of a sound is no feature
    assert problem.shapes == {"x": (3,)}
    optimize_rows(logits(), X, Look(), limits=limits)
    assert problems[1].features.names == ("1", "2", "3")
    assert not problems[1].series
    largest = np.abs(X).max(axis=0)
    np.testing.assert_allclose(problems[1].high, np.tile(largest, (6, 1)))


def test_frames_of_a_search_are_sent():
    frames = []
    hooks = SearchHooks(on_frame=lambda step, points, rows: frames.append((step, len(rows))))
    optimize_rows(logits(), X[:2], Climb(steps=3), hooks=hooks)
    assert frames[0] == (0, 2)
    assert frames[-1] == (3, 2)


def test_seeds_are_those_of_the_content_alone():
    seeds = {}

    class Note(Climb):
        name = "note"

        def search(self, problem):
            seeds.update(zip(problem.start[:, 0].tolist(), problem.seeds, strict=True))
            return super().search(problem)

    optimize_rows(logits(), X, Note())
    first = dict(seeds)
    optimize_rows(logits(), X[::-1], Note())
    assert seeds == first
    assert len(set(seeds.values())) == len(X)
    optimize_rows(logits(), X, Note(), seed=1)
    assert not set(seeds.values()) & set(first.values())


@pytest.mark.parametrize("text", ["fgsm:eps=9", "pgd:eps=9", "apgd:eps=9", "deepfool"])
def test_the_registered_attacks_leave_every_class_of_linear_logits(text):
    engine = logits()
    for result in optimize_rows(engine, X, goals.build(text)):
        assert result.search == "success"
        assert result.after.class_index != result.before.class_index
        assert result.distances.linf <= 9


def test_deepfool_finds_the_nearest_other_class_of_linear_logits():
    engine = logits()
    z = engine.logits(X)
    for row, result in enumerate(optimize_rows(engine, X, goals.build("deepfool"))):
        own = z[row].argmax()
        gaps = np.delete(z[row].max() - z[row], own)
        slopes = np.delete(engine.weights - engine.weights[own], own, axis=0)
        nearest = (gaps / np.linalg.norm(slopes, axis=1)).min()
        assert nearest <= result.distances.l2 <= 1.1 * nearest


def test_a_counterfactual_leaves_the_class_at_the_least_cost_of_linear_logits():
    """Without costs one value moves: that with the largest slope toward another class."""
    engine = LinearEngine([[2.0, 0.5, 0.0], [0.0, 0.0, 0.0]])
    x = np.float32([[1, 1, 0], [-1, 1, 3]])
    for row, result in enumerate(optimize_rows(engine, x, goals.build("counterfactual"))):
        assert result.search == "success"
        change = result.changes["x"]
        assert np.count_nonzero(change) == 1
        assert change[0] == pytest.approx(-engine.logits(x)[row, 0] / 2, rel=1e-3)
