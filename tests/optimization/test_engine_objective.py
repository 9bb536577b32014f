"""What a search climbs: margins in logit space, their pieces, intervals; held against formulas."""

import numpy as np
import pytest

from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.interfaces.engine import Gradients
from inputgrad_cli.optimization.engine_objective import EngineObjective
from inputgrad_cli.optimization.points_to_inputs import build_space
from inputgrad_cli.optimization.request import OptimizeRequest, parse_until
from inputgrad_cli.optimization.success_criterion_builder import (
    LEAST_CHANGE,
    build_aim,
    build_margin_aim,
)
from inputgrad_cli.optimization.unperturbed_pass_cache import CleanInputs
from tests.optimization.linear_engine import LinearEngine, rows_of
from tests.optimization.small_goals import Attack, Climb, Repair


def objective(engine, x, goal=None, target="auto", truth=None, **asked):
    """Return the objective of all rows of x, and their aim."""
    space = build_space(engine, rows_of(x))
    request = OptimizeRequest(goal or Attack(), parse_target(target), **asked)
    aim, _ = build_aim(CleanInputs(engine, space), request, truth)
    return EngineObjective(engine, space, aim), aim


def logits(classes=4, width=3, **asked):
    rng = np.random.default_rng(3)
    return LinearEngine(rng.normal(size=(classes, width)), rng.normal(size=classes), **asked)


def points(rng, rows=6, width=3):
    return rng.normal(size=(rows, width)).astype(np.float32)


def everything(x):
    return np.arange(len(x))


def largest_other(z, classes):
    z = z.copy()
    z[np.arange(len(z)), classes] = -np.inf
    return z.max(axis=1)


@pytest.mark.parametrize("saturation", [1, 1000])
def test_a_class_is_left_by_the_margin_of_the_logits_however_saturated(saturation, rng):
    """A softmax of such logits is exactly 0 and 1, and its gradient zero."""
    engine, x = logits(), points(rng)
    engine.weights = engine.weights * saturation
    asked, aim = objective(engine, x)
    z = engine.logits(x)
    np.testing.assert_array_equal(aim.left, z.argmax(axis=1))
    expected = largest_other(z, aim.left) - z.max(axis=1)
    evaluation = asked.compute_gradients(x, everything(x))
    np.testing.assert_allclose(evaluation.scores, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(asked.compute_scores(x, everything(x)), evaluation.scores)
    rivals = np.where(np.arange(4) == aim.left[:, None], -np.inf, z).argmax(axis=1)
    slopes = engine.weights[rivals] - engine.weights[aim.left]
    np.testing.assert_allclose(evaluation.gradients, slopes, rtol=1e-4, atol=1e-4 * saturation)
    assert np.abs(evaluation.gradients).sum(axis=1).min() > 0


def test_the_label_is_left_even_where_it_is_not_predicted(rng):
    engine, x = logits(), points(rng)
    truth = (engine.logits(x).argmax(axis=1) + 1) % 4
    asked, aim = objective(engine, x, truth=truth.astype(np.float32))
    np.testing.assert_array_equal(aim.left, truth)
    scores = asked.compute_scores(x, everything(x))
    assert (scores > 0).all()
    assert aim.is_done_already(scores, None).all()


def test_a_tie_is_not_another_class():
    engine = LinearEngine([[1.0], [1.0]])
    asked, aim = objective(engine, [[2.0]])
    score = asked.compute_scores(np.float32([[2.0]]), np.array([0]))
    assert score == 0
    assert aim.wanted[0] == LEAST_CHANGE > 0
    first = engine.run_first_pass({"x": np.float32([[2.0]])}, [aim.top], (), gradients=False)
    assert not aim.is_done_already(score, aim.predict(first))[0]


def test_a_class_is_reached_by_its_own_margin(rng):
    engine, x = logits(), points(rng)
    asked, aim = objective(engine, x, target="class:2")
    z = engine.logits(x)
    np.testing.assert_allclose(
        asked.compute_scores(x, everything(x)),
        z[:, 2] - largest_other(z, np.full(len(x), 2)),
        rtol=1e-5,
    )
    there = aim.is_done_already(asked.compute_scores(x, everything(x)), None)
    np.testing.assert_array_equal(there, z.argmax(axis=1) == 2)


def test_an_attack_toward_the_true_class_has_nothing_to_do(rng):
    engine, x = logits(), points(rng)
    truth = np.array([2, 0, 2, 1, 3, 2])
    _, aim = objective(engine, x, target="class:2", truth=truth)
    scores = np.full(len(x), -1.0)
    np.testing.assert_array_equal(aim.is_done_already(scores, None), truth == 2)
    _, aim = objective(engine, x, Repair(), "class:2", truth=truth)
    assert not aim.is_done_already(scores, None).any()


@pytest.mark.parametrize(("classes", "count"), [(4, 2), (4, 3), (4, 99), (20, 5), (20, 99)])
def test_pieces_are_the_nearest_classes_of_each_item_with_their_gradients(classes, count, rng):
    """Both ways to ask the engine, for few classes and for many, give what is known on paper."""
    engine, x = logits(classes), points(rng)
    truth = np.array([0, 1, 2, 3, 0, 1])
    asked, _ = objective(engine, x, truth=truth)
    pieces = asked.compute_pieces(x, everything(x), count)
    z = engine.logits(x)
    gaps = z - z[everything(x), truth][:, None]
    gaps[everything(x), truth] = -np.inf
    order = np.argsort(-gaps, axis=1)[:, : min(count, classes - 1)]
    assert pieces.scores.shape == order.shape
    np.testing.assert_allclose(
        pieces.scores, np.take_along_axis(gaps, order, axis=1), rtol=1e-4, atol=1e-5
    )
    slopes = engine.weights[order] - engine.weights[truth][:, None]
    np.testing.assert_allclose(pieces.gradients, slopes, rtol=1e-3, atol=1e-4)
    # The largest piece is the score itself.
    np.testing.assert_allclose(
        pieces.scores[:, 0], asked.compute_scores(x, everything(x)), rtol=1e-4, atol=1e-5
    )


def test_pieces_of_some_items_are_theirs(rng):
    engine, x = logits(), points(rng)
    asked, _ = objective(engine, x, truth=np.array([0, 1, 2, 3, 0, 1]))
    rows = np.array([4, 1])
    whole = asked.compute_pieces(x, everything(x), 2)
    part = asked.compute_pieces(x[rows], rows, 2)
    np.testing.assert_allclose(part.scores, whole.scores[rows])
    np.testing.assert_allclose(part.gradients, whole.gradients[rows])


def test_few_classes_cost_one_pass_and_many_one_gradient_each(rng):
    x = points(rng)
    few, many = logits(4), logits(40)
    for engine in (few, many):
        asked, _ = objective(engine, x)
        engine.calls.clear()
        asked.compute_pieces(x, everything(x), 3)
        assert engine.calls["first"] == len(x)
    assert many.calls["gradients"] == 3 * len(x)


@pytest.mark.parametrize("space", ["auto", "probability"])
def test_one_sigmoid_unit_has_two_classes_with_no_margin_at_one_half(space, rng):
    engine = LinearEngine([[1.0, -2.0, 0.5]], 0.1, "sigmoid")
    x = points(rng)
    z = engine.logits(x)[:, 0]
    truth = np.array([0, 1, 0, 1, 0, 1])
    asked, aim = objective(engine, x, truth=truth, space=space)
    sign = np.where(truth == 1, -1, 1)  # away from the label
    expected = sign * (z if space == "auto" else 2 * engine.outputs(x)[:, 0] - 1)
    evaluation = asked.compute_gradients(x, everything(x))
    np.testing.assert_allclose(evaluation.scores, expected, rtol=1e-4, atol=1e-5)
    assert (np.sign(evaluation.gradients[:, 0]) == sign).all()
    np.testing.assert_array_equal(aim.is_done_already(expected, None), (z >= 0) != truth)
    pieces = asked.compute_pieces(x, everything(x), 10)
    assert pieces.scores.shape == (6, 1)
    zero = LinearEngine([[1.0]], 0.0, "sigmoid")
    for label in (0, 1):
        asked, _ = objective(zero, [[0.0]], truth=np.array([label]), space=space)
        assert asked.compute_scores(np.float32([[0.0]]), np.array([0])) == 0


def test_of_saturated_sigmoid_units_the_largest_logit_is_the_class():
    """Both are exactly 1 in float32, so that the outputs cannot tell which is the larger."""
    engine = LinearEngine(np.eye(2), activation="sigmoid")
    x = np.float32([[18, 20], [20, 18]])
    assert (engine.outputs(x).astype(np.float32) == 1).all()
    asked, aim = objective(engine, x)
    np.testing.assert_array_equal(aim.left, [1, 0])
    scores = asked.compute_scores(x, everything(x))
    np.testing.assert_allclose(scores, [-2, -2])
    first = engine.run_first_pass({"x": x}, [aim.top], (), gradients=False)
    assert not aim.is_done_already(scores, aim.predict(first)).any()


@pytest.mark.parametrize("target", ["class:0", "class:1"])
def test_a_class_of_one_sigmoid_unit_is_reached(target, rng):
    engine = LinearEngine([[1.0, -2.0, 0.5]], 0.1, "sigmoid")
    x = points(rng)
    asked, aim = objective(engine, x, target=target)
    sign = 1 if target == "class:1" else -1
    z = engine.logits(x)[:, 0]
    np.testing.assert_allclose(asked.compute_scores(x, everything(x)), sign * z, rtol=1e-5)
    assert (aim.sought == int(target[-1])).all()


@pytest.mark.parametrize(
    ("target", "direction", "expected"),
    [
        ("auto", "up", lambda z: z[:, 0]),
        ("unit:0", "down", lambda z: -z[:, 0]),
        ("sum", "up", lambda z: z.sum(axis=1)),
    ],
)
def test_a_target_that_is_no_class_goes_up_or_down(target, direction, expected, rng):
    engine, x = logits(1, activation=None), points(rng)
    asked, aim = objective(engine, x, Climb(), target, direction=direction)
    evaluation = asked.compute_gradients(x, everything(x))
    z = engine.logits(x)
    np.testing.assert_allclose(evaluation.scores, expected(z), rtol=1e-5, atol=1e-6)
    sign = -1 if direction == "down" else 1
    np.testing.assert_allclose(evaluation.gradients, np.tile(sign * engine.weights, (6, 1)), 1e-4)
    assert np.isposinf(aim.wanted).all()


def test_a_goal_without_an_end_climbs_the_logit_of_a_class_not_its_margin(rng):
    engine, x = logits(), points(rng)
    asked, aim = objective(engine, x, Climb(), "class:1")
    np.testing.assert_allclose(
        asked.compute_scores(x, everything(x)), engine.logits(x)[:, 1], rtol=1e-5
    )
    asked, aim = objective(engine, x, Climb())
    np.testing.assert_allclose(
        asked.compute_scores(x, everything(x)), engine.logits(x).max(axis=1), rtol=1e-5
    )
    assert np.isposinf(aim.wanted).all()


def test_an_interval_is_reached_from_both_sides():
    engine = LinearEngine([[1.0]], activation=None)
    x = np.float32([[-3], [2], [2.5], [3], [7]])
    asked, aim = objective(engine, x, Repair(), until=(2, 3))
    evaluation = asked.compute_gradients(x, everything(x))
    np.testing.assert_allclose(evaluation.scores, [-5, 0, 0.5, 0, -4], atol=1e-6)
    np.testing.assert_allclose(evaluation.gradients[[0, 4], 0], [1, -1], rtol=1e-3)
    there = aim.is_done_already(evaluation.scores, None)
    np.testing.assert_array_equal(there, [False, True, True, True, False])


@pytest.mark.parametrize(("direction", "there"), [("up", [0, 0, 1]), ("down", [1, 0, 0])])
def test_until_is_reached_in_its_direction(direction, there):
    engine = LinearEngine([[1.0]], activation=None)
    x = np.float32([[-3], [1], [5]])
    until = parse_until({"up": 2, "down": 0}[direction])
    asked, aim = objective(engine, x, Attack(), direction=direction, until=until)
    scores = asked.compute_scores(x, everything(x))
    np.testing.assert_array_equal(aim.is_done_already(scores, None), np.array(there, bool))
    np.testing.assert_allclose(scores, x[:, 0] if direction == "up" else -x[:, 0])


def test_until_of_a_class_is_the_margin_that_is_wanted(rng):
    engine, x = logits(), points(rng)
    _, aim = objective(engine, x, target="class:1", until=(0.5,))
    assert (aim.wanted == 0.5).all()


@pytest.mark.parametrize("asked", [{"direction": "up"}, {"until": (1.0, 2.0)}])
def test_a_class_has_neither_a_direction_nor_an_interval(asked, rng):
    with pytest.raises(UsageError, match="left or reached"):
        objective(logits(), points(rng), **asked)


@pytest.mark.parametrize("value", ["x", [1, 2, 3], np.nan, [2, 1], [[1]], [1, np.inf]])
def test_until_that_is_no_interval_is_refused(value):
    with pytest.raises(UsageError, match="until"):
        parse_until(value)


def test_without_a_direction_a_value_is_crossed_from_both_sides():
    engine = LinearEngine([[1.0]], activation=None)
    x = np.float32([[-3], [5]])
    asked, aim = objective(engine, x, Repair(), until=(2.0,))
    evaluation = asked.compute_gradients(x, everything(x))
    np.testing.assert_allclose(evaluation.scores, [-3, -5])
    np.testing.assert_allclose(aim.wanted, [2, -2])
    np.testing.assert_allclose(evaluation.gradients[:, 0], [1, -1], rtol=1e-3)
    _, aim = objective(engine, x, Climb(), until=(2.0,))
    np.testing.assert_allclose(aim.wanted, [2, 2])


def test_a_goal_of_the_least_change_must_have_a_value_to_reach(rng):
    with pytest.raises(UsageError, match="has no value to reach"):
        objective(logits(1, activation=None), points(rng), Repair())


def test_a_goal_of_the_least_change_leaves_the_predicted_class_by_itself(rng):
    engine, x = logits(), points(rng)
    _, aim = objective(engine, x, Repair())
    np.testing.assert_array_equal(aim.left, engine.logits(x).argmax(axis=1))


def test_an_attack_on_a_regression_must_say_where_to(rng):
    with pytest.raises(UsageError, match="has no classes to leave"):
        objective(logits(1, activation=None), points(rng))


@pytest.mark.parametrize("target", ["all", "top:2"])
def test_an_input_goes_toward_one_target(target, rng):
    with pytest.raises(UsageError, match="one target at a time"):
        objective(logits(), points(rng), target=target)


@pytest.mark.parametrize("truth", [[4], [-1], [0.5], [np.nan]])
def test_a_label_that_is_no_class_is_refused(truth, rng):
    with pytest.raises(UsageError, match="from 0 to 3"):
        objective(logits(), points(rng, rows=1), truth=np.array(truth))


def test_a_target_that_depends_on_nothing_that_moves_is_an_error(rng):
    class Cut(LinearEngine):
        def compute_gradients(self, inputs, target, sites):
            slopes = super().compute_gradients(inputs, target, sites)
            zeros = {"x": np.zeros_like(slopes.values["x"])}
            return Gradients(zeros, slopes.scores, frozenset(sites))

        def find_gradient_blockers(self, inputs, sites, target):
            return "Round has no derivative"

    x = points(rng)
    asked, _ = objective(Cut(np.eye(3)), x)
    with pytest.raises(ItemError, match="Round has no derivative"):
        asked.compute_gradients(x, everything(x))


def test_the_cross_entropy_is_followed_and_the_margin_is_scored():
    engine, x = logits(), np.random.default_rng(1).normal(size=(5, 3))
    plain, aim = objective(engine, x)
    rows = np.arange(5)
    smooth = EngineObjective(engine, plain.space, aim, climbs_cross_entropy=True)
    evaluation = smooth.compute_gradients(x, rows)
    z = engine.logits(x)
    shares = np.exp(z - z.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    own = np.eye(4)[aim.left]
    direction = (shares - own) @ engine.weights  # of the cross-entropy
    lengths = 1 - (shares * own).sum(axis=1, keepdims=True)  # of its gradient, in that of ours
    np.testing.assert_allclose(evaluation.gradients, direction / lengths, atol=1e-5)
    np.testing.assert_allclose(evaluation.scores, plain.compute_scores(x, rows))
    assert (evaluation.score_calls, plain.compute_gradients(x, rows).score_calls) == (1, 0)


@pytest.mark.parametrize(("classes", "target"), [(2, "auto"), (4, "class:1")])
def test_with_two_classes_or_a_class_to_reach_the_margin_is_followed(classes, target):
    engine, x = logits(classes), np.random.default_rng(1).normal(size=(5, 3))
    plain, aim = objective(engine, x, target=target)
    rows = np.arange(5)
    same = EngineObjective(engine, plain.space, aim, climbs_cross_entropy=True)
    results = [each.compute_gradients(x, rows) for each in (plain, same)]
    np.testing.assert_array_equal(results[0].gradients, results[1].gradients)
    assert results[1].score_calls == 0


def test_a_class_that_is_climbed_has_a_margin_over_the_best_other_one(rng):
    engine, x = logits(), points(rng)
    space, rows = build_space(engine, rows_of(x)), everything(x)
    request = OptimizeRequest(Climb(), parse_target("class:1"))
    aim, _ = build_aim(CleanInputs(engine, space), request, None)
    evaluation = EngineObjective(engine, space, build_margin_aim(aim, request)).compute_gradients(
        x, rows
    )
    z, classes = engine.logits(x), np.ones(len(x), int)
    expected = z[:, 1] - largest_other(z, classes)
    np.testing.assert_allclose(evaluation.scores, expected, rtol=1e-5, atol=1e-5)
    rivals = np.where(np.arange(4) == 1, -np.inf, z).argmax(axis=1)
    slopes = engine.weights[1] - engine.weights[rivals]
    np.testing.assert_allclose(evaluation.gradients, slopes, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("goal", "target", "asked"),
    [
        (Climb(), "unit:0", {}),
        (Climb(), "class:1", {"space": "output"}),
        (Climb(), "class:1", {"direction": "down"}),
        (Attack(), "class:1", {}),
    ],
    ids=str,
)
def test_no_other_score_has_a_margin_to_climb(goal, target, asked, rng):
    engine, x = logits(), points(rng)
    request = OptimizeRequest(goal, parse_target(target), **asked)
    aim, _ = build_aim(CleanInputs(engine, build_space(engine, rows_of(x))), request, None)
    assert build_margin_aim(aim, request) is None
