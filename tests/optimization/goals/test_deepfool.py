"""DeepFool on linear scores, where the nearest point is known."""

import numpy as np
import pytest

from inputgrad_cli.interfaces.goal import Pieces
from inputgrad_cli.optimization.goals.deepfool import SCALES, Deepfool
from tests.optimization.problems import Linear, Network, Recorder, build_problem

W = np.array([2.0, -1.0, 0.5])
X = np.array([[1.0, 2.0, -3.0], [0.0, 0.25, 0.5]], np.float32)
NORMS = [("2", 2, 2), ("inf", np.inf, 1)]  # norm, order of distances, order of the dual norm
PICTURE = {"shapes": {"x": (4, 5, 1)}, "pictures": frozenset({"x"})}


def distances(result, start, order):
    return np.linalg.norm(result.points.astype(float) - start, ord=order, axis=1)


@pytest.mark.parametrize(("norm", "order", "dual"), NORMS)
def test_one_step_crosses_a_linear_boundary(norm, order, dual):
    """O8: the distance is |f| / dual norm, times at most the overshoot."""
    objective = Recorder(Linear(W, -10.0), 2)
    result = Deepfool(norm=norm).search(build_problem(objective, X, wanted=0.0))
    nearest = np.abs(X @ W - 10) / np.linalg.norm(W, ord=dual)
    ratio = distances(result, X, order) / nearest
    assert np.all((ratio > 1 - 1e-6) & (ratio < 1.02 + 1e-6))
    np.testing.assert_array_equal(result.gradient_calls, 2)  # at the start, and after the step
    assert result.reached.all()
    assert result.stops == ("reached", "reached")


@pytest.mark.parametrize(("norm", "order", "dual"), NORMS)
def test_the_nearest_of_several_boundaries_is_taken(norm, order, dual, rng):
    """O9: min over k of |f_k| / |w_k|, and no random point that is nearer is reached."""
    weights, start = rng.normal(size=(5, 4)), rng.normal(size=(6, 4)).astype(np.float32)
    offsets = -4 - rng.uniform(0, 2, 5)
    objective = Linear(weights, offsets)
    problem = build_problem(objective, start, wanted=0.0)
    assert np.all(objective.compute_scores(start, problem.rows) < 0)
    result = Deepfool(norm=norm).search(problem)
    each = -(start @ weights.T + offsets) / np.linalg.norm(weights, ord=dual, axis=1)
    nearest = each.min(axis=1)
    ratio = distances(result, start, order) / nearest
    assert np.all((ratio > 1 - 1e-6) & (ratio < 1.02 + 1e-6))
    directions = rng.normal(size=(2000, 4))
    directions /= np.linalg.norm(directions, ord=order, axis=1, keepdims=True)
    for row in range(len(start)):
        trials = start[row] + directions * (nearest[row] * 0.999)
        assert np.all((trials @ weights.T + offsets).max(axis=1) < 0)


def test_the_largest_change_in_a_box_is_the_smallest_possible(rng):
    """O10: sum |w_i| min(eps, room_i) = |f|, solved here by bisection."""
    weights, start = rng.normal(size=10), rng.uniform(0, 1, (1, 10)).astype(np.float32)
    room = np.where(weights > 0, 1 - start, start)[0]
    need = 0.7 * (np.abs(weights) * room).sum()
    problem = build_problem(Linear(weights), start, 0, 1, wanted=(start @ weights)[0] + need)
    result = Deepfool(norm="inf").search(problem)
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        rise = (np.abs(weights) * np.minimum(middle, room)).sum()
        low, high = (middle, high) if rise < need else (low, middle)
    assert result.reached[0]
    assert 1 - 1e-6 <= distances(result, start, np.inf)[0] / low <= 1.03


def test_the_euclidean_distance_in_a_box_is_the_smallest_possible(rng):
    """The nearest point with w . x = need is cut(t w), by the conditions of Karush et al."""
    weights, start = rng.normal(size=10), rng.uniform(0, 1, (1, 10)).astype(np.float32)
    room = np.where(weights > 0, 1 - start, start)[0]
    need = 0.7 * (np.abs(weights) * room).sum()
    problem = build_problem(Linear(weights), start, 0, 1, wanted=(start @ weights)[0] + need)
    result = Deepfool().search(problem)
    low, high = 0.0, 1e3
    for _ in range(100):
        middle = (low + high) / 2
        rise = (np.abs(weights) * np.minimum(middle * np.abs(weights), room)).sum()
        low, high = (middle, high) if rise < need else (low, middle)
    nearest = np.linalg.norm(np.minimum(high * np.abs(weights), room))
    assert result.reached[0]
    assert 1 - 1e-6 <= distances(result, start, 2)[0] / nearest <= 1.03


@pytest.mark.parametrize("norm", ["2", "inf"])
def test_the_result_is_still_reached_with_whole_values(norm):
    """Points on the boundary often cross back when they are rounded; results may not."""
    labels = np.arange(30) % 4
    start = np.random.default_rng(0).integers(0, 256, (30, 20)).astype(np.float32)
    objective = Network(20, labels, whole=True)
    wanted = objective.compute_scores(start, np.arange(30)) + 0.3
    problem = build_problem(objective, start, 0, 255, wanted=wanted, **PICTURE)
    result = Deepfool(norm=norm).search(problem)
    assert result.reached.mean() > 0.9
    np.testing.assert_array_equal(result.points, np.rint(result.points))
    scores = objective.compute_scores(result.points, problem.rows)
    np.testing.assert_array_equal(scores >= wanted, result.reached)


def test_the_shortest_multiple_that_survives_rounding_is_kept():
    """A score of 1 value, start 100, wanted at 104.6: 104 fails, and 1.1 times 4.6 is 105.06."""
    objective = Linear([1.0])
    objective.round_points = lambda points: np.rint(points).astype(np.float32)
    problem = build_problem(objective, [[100.0]], 0, 255, wanted=105.0)
    assert Deepfool().search(problem).points[0, 0] == 105
    slow = Linear([[0.1] * 4])
    slow.round_points = objective.round_points
    start = np.full((1, 4), 100.0)
    problem = build_problem(slow, start, 0, 255, wanted=40.57)  # at 101.425: rounded, 101
    result = Deepfool(norm="inf").search(problem)
    np.testing.assert_array_equal(result.points, 102.0)  # from the multiple 1.1
    assert 1.1 in SCALES


def test_candidates_bound_the_gradients_of_an_item(rng):
    weights, start = rng.normal(size=(6, 4)), np.zeros((1, 4), np.float32)
    objective = Recorder(Linear(weights, -5.0), 1)
    result = Deepfool(candidates=3).search(build_problem(objective, start, wanted=0.0))
    assert result.gradient_calls[0] == objective.gradient_calls[0]
    assert result.gradient_calls[0] % 3 == 0


def test_a_piece_without_a_class_is_never_chosen():
    class Missing(Linear):
        def compute_pieces(self, points, rows, count):
            pieces = super().compute_pieces(points, rows, count)
            scores, gradients = np.array(pieces.scores), np.array(pieces.gradients)
            scores[:, -1], gradients[:, -1] = -np.inf, np.nan
            return Pieces(scores, gradients)

    problem = build_problem(Missing([W, W * 9], [-10.0, -99.0]), X, wanted=0.0)
    result = Deepfool().search(problem)
    assert result.reached.all()
    np.testing.assert_array_equal(result.gradient_calls, 2)


def test_an_item_without_room_says_so():
    problem = build_problem(Linear(W), X, X - np.float32(0.0) * X, X, wanted=99.0)
    assert Deepfool().search(problem).stops == ("no-room", "no-room")
    low, high = np.where(W > 0, -9, X), np.where(W > 0, X, 9)  # all at the bound they move to
    result = Deepfool().search(build_problem(Linear(W), X, low, high, wanted=99.0))
    assert result.stops == ("no-room", "no-room")
    np.testing.assert_array_equal(result.points, X)


def test_a_target_out_of_reach_fails_at_the_nearest_corner():
    problem = build_problem(Linear(W), X, X - np.float32(0.5), X + np.float32(0.5), wanted=99.0)
    result = Deepfool().search(problem)
    assert not result.reached.any()
    np.testing.assert_allclose(result.points, X + 0.5 * np.sign(W), rtol=1e-6)
