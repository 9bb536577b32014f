"""FGSM on linear scores, whose optima in ball and box are known."""

import numpy as np
import pytest

from inputgrad_cli.optimization.goals.fgsm import Fgsm
from tests.optimization.problems import Linear, Network, Recorder, build_problem

W = np.array([2.0, -1.0, 0.5, 0.0])
X = np.array([[1.0, 2.0, -3.0, 7.0], [0.0, 0.25, 0.5, -2.0]], np.float32)


def test_a_linear_score_rises_by_the_radius_times_the_dual_norm():
    """O1, O3."""
    for norm, dual in (("inf", np.abs(W).sum()), ("2", np.linalg.norm(W))):
        result = Fgsm(eps="0.25", norm=norm).search(build_problem(Linear(W), X))
        np.testing.assert_allclose(result.scores - X @ W, 0.25 * dual, rtol=1e-6)
        np.testing.assert_array_equal(result.points[:, 3], X[:, 3])  # no slope, no change


def test_a_corner_of_ball_and_box_is_the_optimum():
    """O2: the largest linear score over a box is at the corner of the signs."""
    low, high = X - np.array([0.5, 0.1, 1, 1]), X + np.array([0.2, 3, 3, 3])
    result = Fgsm(eps="0.25").search(build_problem(Linear(W), X, low, high))
    expected = np.clip(X + 0.25 * np.sign(W), low, high)
    np.testing.assert_allclose(result.points, expected, rtol=1e-6)


def test_values_at_their_bounds_leave_the_euclidean_radius_to_others(rng):
    """O4: cut(x0 + t w), with t so that the distance is the radius; a cut step is worse."""
    size, radius = 12, 2.0
    weights, start = rng.normal(size=size), rng.uniform(0, 1, (1, size)).astype(np.float32)
    problem = build_problem(Linear(weights), start, 0, 1)
    result = Fgsm(eps=str(radius), norm="2").search(problem)
    low, high = 0.0, 1e6
    for _ in range(100):  # bisection on t
        middle = (low + high) / 2
        offset = np.clip(start + middle * weights, 0, 1) - start
        low, high = (middle, high) if np.linalg.norm(offset) < radius else (low, middle)
    optimum = np.clip(start + low * weights, 0, 1)
    np.testing.assert_allclose(result.points, optimum, atol=1e-6)
    step = np.clip(start + radius * weights / np.linalg.norm(weights), 0, 1)
    assert result.scores[0] > (step @ weights)[0] + 0.01


def test_no_point_of_the_ball_and_the_box_has_a_larger_linear_score(rng):
    weights, start = rng.normal(size=6), rng.uniform(0, 1, (1, 6)).astype(np.float32)
    best = Fgsm(eps="0.7", norm="2").search(build_problem(Linear(weights), start, 0, 1)).scores[0]
    offsets = rng.normal(size=(5000, 6))
    offsets *= 0.7 / np.linalg.norm(offsets, axis=1, keepdims=True)
    assert np.all(np.clip(start + offsets, 0, 1) @ weights <= best + 1e-6)


def test_it_costs_one_gradient_and_one_score_a_radius():
    objective = Recorder(Linear(W), 2)
    result = Fgsm(eps="0.1;0.2;0.4").search(build_problem(objective, X, wanted=1e9))
    np.testing.assert_array_equal(objective.gradient_calls, 1)
    np.testing.assert_array_equal(objective.score_calls, 3)
    np.testing.assert_array_equal(result.gradient_calls, 1)
    np.testing.assert_array_equal(result.score_calls, 3)


def test_whole_levels_stay_whole_bit_for_bit(rng):
    start = rng.integers(0, 256, (3, 20)).astype(np.float32)
    more = {"shapes": {"x": (4, 5, 1)}, "pictures": frozenset({"x"})}
    problem = build_problem(Network(20, [0, 1, 2], whole=True), start, 0, 255, **more)
    gradients = problem.objective.compute_gradients(start, problem.rows).gradients
    result = Fgsm(eps="4/255").search(problem)
    expected = np.clip(start + 4 * np.sign(gradients), 0, 255)
    assert any(np.array_equal(*pair) for pair in zip(result.points, expected, strict=True))
    for point, corner, first in zip(result.points, expected, start, strict=True):
        assert np.array_equal(point, corner) or np.array_equal(point, first)


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_an_item_counts_at_its_smallest_radius(norm):
    """Scores rise by eps * dual norm: item 0 needs 1.1 of them, item 1 none, item 2 ten."""
    dual = np.abs(W).sum() if norm == "inf" else np.linalg.norm(W)
    start = np.repeat(X[:1], 3, axis=0)
    wanted = start @ W + dual * np.array([1.1, 0.0, 10.0])
    objective = Recorder(Linear(W), 3)
    goal = Fgsm(eps="1;2;4", norm=norm)
    result = goal.search(build_problem(objective, start, wanted=wanted))
    np.testing.assert_array_equal(result.radius, [2.0, 0.0, np.inf])
    np.testing.assert_array_equal(result.reached, [True, True, False])
    np.testing.assert_array_equal(objective.score_calls, [2, 0, 3])
    np.testing.assert_array_equal(result.points[1], start[1])
    assert result.stops == ("reached", "reached", "steps")


def test_equal_radii_are_searched_once(rng):
    start = rng.integers(50, 200, (1, 20)).astype(np.float32)
    more = {"shapes": {"x": (4, 5, 1)}, "pictures": frozenset({"x"})}
    objective = Recorder(Network(20, [0], whole=True), 1)
    problem = build_problem(objective, start, 0, 255, wanted=np.inf, **more)
    Fgsm(eps="0.03;7/255;8/255").search(problem)  # 0.03 is 7.65 levels, of which 7 are used
    np.testing.assert_array_equal(objective.score_calls, 2)
