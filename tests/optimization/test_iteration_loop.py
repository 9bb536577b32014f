"""The loop of searches: what ends an item, which points are kept, and which calls are counted."""

import numpy as np
import pytest

from inputgrad_cli.interfaces.goal import Evaluation
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.iteration_loop import StepRule, evaluate_points, run_steps
from tests.optimization.problems import Broken, Linear, Quadratic, Recorder, build_problem

W = np.array([1.0, 2.0])


class Walk(StepRule):
    """Adds the gradient; the first points are the starts, moved by `offsets` of each restart."""

    def __init__(self, *offsets):
        self.offsets = offsets or (0.0,)
        self.seen = []

    def begin(self, problem, rows, restart):
        self.problem = problem
        return problem.start[rows] + np.float32(self.offsets[restart])

    def move(self, step, points, rows, evaluation):
        self.seen.append((step, list(rows)))
        moved = (points + evaluation.gradients).astype(np.float32)
        return np.clip(moved, self.problem.low[rows], self.problem.high[rows])


def search(problem, rule=None, **options):
    log = SearchLog(problem)
    run_steps(log, rule or Walk(), **{"steps": 4, **options})
    return log.build_result()


def test_each_item_leaves_when_it_is_reached():
    objective = Recorder(Linear(W), 3)
    rule = Walk()
    result = search(build_problem(objective, np.zeros((3, 2)), wanted=[0, 10, 1e9]), rule)
    assert result.stops == ("reached", "reached", "steps")
    assert rule.seen == [(0, [1, 2]), (1, [1, 2]), (2, [2]), (3, [2])]
    np.testing.assert_array_equal(result.gradient_calls, [1, 3, 4])
    np.testing.assert_array_equal(result.score_calls, [0, 0, 1])
    np.testing.assert_array_equal(objective.gradient_calls, result.gradient_calls)
    np.testing.assert_array_equal(objective.score_calls, result.score_calls)
    np.testing.assert_array_equal(result.scores, [0, 10, 20])


def test_a_search_beyond_the_wanted_score_keeps_the_best():
    result = search(build_problem(Linear(W), np.zeros((1, 2)), wanted=1), until_reached=False)
    assert result.scores[0] == 20
    assert result.reached[0]


def test_the_best_point_is_kept_not_the_last():
    objective = Quadratic(np.eye(2) * 1.9, [1.0, 1.0])  # jumps over the top, and back
    result = search(build_problem(objective, np.zeros((1, 2)), wanted=np.inf), steps=3)
    trace = result.traces[0]
    assert result.scores[0] == trace[:, 1].max()
    assert result.steps[0] == trace[:, 1].argmax()
    np.testing.assert_allclose(trace[:, 2], trace[:, 3] * np.sqrt(2), rtol=1e-6)


def test_a_zero_gradient_ends_a_restart_but_not_the_next():
    objective = Quadratic(np.eye(2), [0.0, 0.0])
    problem = build_problem(objective, np.zeros((1, 2)), wanted=np.inf)
    assert search(problem).stops == ("zero-gradient",)
    result = search(problem, Walk(0.0, 3.0), restarts=2)
    assert result.gradient_calls[0] > 2


def test_a_slope_of_values_that_may_not_move_is_no_slope():
    problem = build_problem(Linear([0.0, 1.0]), [[5.0, 7.0]], [[0.0, 7.0]], [[9.0, 7.0]])
    assert search(problem).stops == ("zero-gradient",)


def test_an_item_without_a_value_that_may_move_says_so():
    problem = build_problem(Linear(W), [[5.0, 7.0]], [[5.0, 7.0]], [[5.0, 7.0]])
    result = search(problem)
    assert result.stops == ("no-room",)
    assert result.gradient_calls[0] == 1


@pytest.mark.parametrize("scores", [False, True])
def test_an_item_with_nan_fails_and_says_so(scores):
    """A NaN never counts as zero, as a high score, or as a reason to stop the others."""
    start = np.zeros((3, 2), np.float32)
    objective = Broken(Linear(W), 1, scores=scores)
    result = search(build_problem(objective, start, wanted=12), Walk(0.0, 0.0), restarts=2)
    assert result.stops == ("reached", "not-finite", "reached")
    np.testing.assert_array_equal(result.reached, [True, False, True])
    assert result.gradient_calls[1] == 1  # not again at the second start
    np.testing.assert_array_equal(result.points[1], start[1])


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_score_that_is_not_finite_is_never_kept(value):
    class Odd(Linear):
        def compute_gradients(self, points, rows):
            scores = np.where(points[:, 0] > 0, value, 0.0)
            return Evaluation(scores, np.ones(points.shape))

        def compute_scores(self, points, rows):
            return self.compute_gradients(points, rows).scores

    problem = build_problem(Odd(W), np.zeros((1, 2)), wanted=5)
    for steps in (1, 4):  # found by the score of the last point, and by a gradient
        result = search(problem, steps=steps)
        assert result.stops == ("not-finite",)
        assert not result.reached[0]
        assert result.scores[0] == 0
        np.testing.assert_array_equal(result.points, 0)


class Whole(Linear):
    def round_points(self, points):
        return np.rint(points).astype(np.float32)


def test_only_a_point_that_can_be_stored_is_reached():
    """Steps of 0.4: the score 0.8 is there at 0.8, stored as 1; 0.4 would be stored as 0."""
    problem = build_problem(Whole([0.4]), [[0.0]], wanted=[0.15])
    result = search(problem)
    assert result.points[0, 0] == 1
    assert result.scores[0] == pytest.approx(0.4)
    assert result.stops == ("reached",)
    assert len(result.traces[0]) == 5  # 0, 0.4, its 0, 0.8, its 1


def test_a_score_that_does_not_survive_rounding_is_not_a_success():
    problem = build_problem(Whole([1.0]), [[0.0]], 0, 0.4, wanted=[0.3])
    log = SearchLog(problem)
    evaluate_points(log, np.full((1, 1), 0.4, np.float32), problem.rows)
    log.settle()
    result = log.build_result()
    assert not result.reached[0]
    assert result.stops == ("rounding",)
    assert result.points[0, 0] == 0


def test_a_rounded_point_that_is_worse_than_the_start_gives_way_to_it():
    problem = build_problem(Whole([1.0]), [[1.0]], wanted=np.inf)
    log = SearchLog(problem)
    evaluate_points(log, problem.start, problem.rows)
    objective = problem.objective
    objective.weights = np.array([[1.0]])
    evaluate_points(log, np.full((1, 1), 1.4, np.float32), problem.rows)
    objective.weights = np.array([[0.5]])  # the rounded one scores less than the start did
    log.settle()
    assert log.scores[0] == 1
    assert log.points[0, 0] == 1


def test_values_that_may_not_move_are_stored_as_they_are():
    problem = build_problem(Whole(W), [[0.3, 5.0]], [[0.3, 0.0]], [[0.3, 9.0]], wanted=9)
    result = search(problem)
    assert result.reached[0]
    assert result.points[0, 0] == np.float32(0.3)


def test_progress_counts_all_restarts_and_parts():
    seen = []
    problem = build_problem(
        Linear(W),
        np.zeros((1, 2)),
        wanted=np.inf,
        on_step=lambda done, total: seen.append((done, total)),
    )
    log = SearchLog(problem)
    for part in range(2):
        log.part = (part, 2)
        run_steps(log, Walk(0.0, 1.0), steps=2, restarts=2)
    assert seen == [(step, 8) for step in range(1, 9)]


def test_a_search_stops_between_steps_when_it_should():
    calls = []
    problem = build_problem(
        Linear(W), np.zeros((1, 2)), wanted=np.inf, should_stop=lambda: len(calls) >= 2,
        on_step=lambda done, total: calls.append(done),
    )  # fmt: skip
    result = search(problem, restarts=3, rule=Walk(0.0, 0.0, 0.0))
    assert calls == [1, 2]
    assert result.gradient_calls[0] == 2
