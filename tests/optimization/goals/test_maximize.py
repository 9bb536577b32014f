"""Maximization: optima on paper, bounds, movements, and searches that end early."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.interfaces.goal import Evaluation
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.goals.maximize import ATTEMPTS, Maximize, _Ascent
from inputgrad_cli.optimization.iteration_loop import choose_frame_steps

from ..problems import Linear, Quadratic, build_problem

SHAPE = (12, 10, 3)
SIZE = 360
PARAMS = ["fourier", "pixels", "maco"]


class Weighted:
    """A linear score whose arithmetic does not depend on the other points of a call."""

    def __init__(self, weights):
        self.weights = np.asarray(weights, float)
        self.calls = []

    def compute_scores(self, points, rows):
        self.calls.append(np.array(points))
        return (points * self.weights).sum(axis=1)

    def compute_gradients(self, points, rows):
        scores = self.compute_scores(points, rows)
        return Evaluation(scores, np.repeat(self.weights[None], len(points), axis=0))

    def round_points(self, points):
        return points


class Rectified(Weighted):
    """A unit after a ReLU: the score minus a threshold where positive, else no gradient."""

    def __init__(self, weights, threshold):
        super().__init__(weights)
        self.threshold = threshold

    def compute_gradients(self, points, rows):
        evaluation = super().compute_gradients(points, rows)
        return Evaluation(
            evaluation.scores, evaluation.gradients * (evaluation.scores > 0)[:, None]
        )

    def compute_scores(self, points, rows):
        return np.maximum(super().compute_scores(points, rows) - self.threshold, 0)


class Shrinking(Weighted):
    """The score -|x|^2 / 2, without a list of calls."""

    def __init__(self):
        super().__init__(0)

    def compute_scores(self, points, rows):
        return -np.square(points).sum(axis=1) / 2

    def compute_gradients(self, points, rows):
        return Evaluation(self.compute_scores(points, rows), -points)


def draw_weights(size=SIZE, seed=0):
    return np.random.default_rng(seed).normal(size=size)


def build_picture_problem(objective, items=3, start=127.5, **more):
    """Return a problem of RGB pictures between 0 and 255."""
    points = np.broadcast_to(np.asarray(start, np.float32), (items, SIZE))
    shapes = {"picture": SHAPE}
    return build_problem(
        objective, points, 0, 255, shapes=shapes, pictures=frozenset(shapes), **more
    )


def draw_pictures(items=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (items, SIZE))


# --- optima on paper ---


def test_the_maximum_of_a_quadratic_is_reached():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 5))
    matrix, optimum = root @ root.T / 5 + 0.5 * np.eye(5), rng.uniform(-0.5, 0.5, 5)
    result = Maximize().search(build_problem(Quadratic(matrix, optimum), np.zeros((2, 5)), -1, 1))
    np.testing.assert_allclose(result.points, [optimum, optimum], atol=1e-3)
    weight = 0.7  # with a penalty of weight * |x|^2 / 2 it is (A + weight I)^-1 A a
    whole = matrix + weight * np.eye(5)
    expected = np.linalg.solve(whole, matrix @ optimum)
    result = Maximize().search(build_problem(Quadratic(whole, expected), np.zeros(5), -1, 1))
    np.testing.assert_allclose(result.points[0], expected, atol=1e-3)


def test_the_maximum_of_a_separable_quadratic_in_a_box_is_clipped():
    optimum = np.array([-1.7, 0.3, 1.2, -0.4])
    objective = Quadratic(np.diag([0.2, 1.0, 5.0, 2.0]), optimum)
    result = Maximize().search(build_problem(objective, np.zeros(4), -1, 1))
    np.testing.assert_allclose(result.points[0], np.clip(optimum, -1, 1), atol=1e-3)
    assert result.notes == ["at the bound: 2 of 4 features"]


def test_a_linear_score_ends_in_the_corner_and_with_a_penalty_at_its_peak():
    weights = np.array([2.0, -0.01, 0.5])
    result = Maximize().search(build_problem(Linear(weights), np.full(3, 4.0), 1, 9))
    np.testing.assert_array_equal(result.points[0], [9, 1, 9])
    assert result.stops[0] == "no-room"
    assert result.gradient_calls[0] < 100
    assert result.notes == ["at the bound: 3 of 3 features"]
    penalty = 1.5  # of w.x - penalty |x|^2, whose peak is w / (2 penalty)
    peak = weights / (2 * penalty)
    objective = Quadratic(2 * penalty * np.eye(3), peak)
    result = Maximize().search(build_problem(objective, np.zeros(3), -5, 5))
    np.testing.assert_allclose(result.points[0], peak, atol=1e-3)
    assert result.notes == [""]


def test_units_of_features_do_not_matter():
    weights = np.array([1.0, 1.0])
    low, high = np.array([0.0, -1e6]), np.array([1e-3, 1e6])
    result = Maximize().search(build_problem(Linear(weights), (low + high) / 2, low, high))
    np.testing.assert_array_equal(result.points[0], high.astype(np.float32))


def test_features_without_bounds_move_in_their_own_units():
    optimum = np.array([3.0, -2.0])
    result = Maximize().search(build_problem(Quadratic(np.eye(2), optimum), np.zeros(2)))
    np.testing.assert_allclose(result.points[0], optimum, atol=1e-2)


# --- seeds and batches ---


@pytest.mark.parametrize("param", PARAMS)
@pytest.mark.parametrize("from_noise", [True, False])
def test_a_permuted_batch_gives_permuted_results(param, from_noise):
    goal = Maximize(param=param, steps=6)
    start = np.full((3, SIZE), 127.5) if from_noise else draw_pictures()
    problem = build_picture_problem(Weighted(draw_weights()), start=start, from_noise=from_noise)
    result = goal.search(problem)
    order = [2, 0, 1]
    seeds = [problem.seeds[row] for row in order]
    permuted = goal.search(replace(problem, start=problem.start[order], seeds=seeds))
    np.testing.assert_array_equal(permuted.points, result.points[order])
    alone = goal.search(
        build_picture_problem(
            Weighted(draw_weights()), 1, start[1], from_noise=from_noise, seeds=[problem.seeds[1]]
        )
    )
    np.testing.assert_array_equal(alone.points[0], result.points[1])


@pytest.mark.parametrize("param", PARAMS)
def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(param):
    objective = Weighted(draw_weights())
    problem = build_picture_problem(objective, seeds=[b"a", b"a", b"b"], from_noise=True)
    first, second = (Maximize(param=param, steps=4).search(problem) for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)
    np.testing.assert_array_equal(first.points[0], first.points[1])
    assert np.any(first.points[0] != first.points[2])


# --- bounds ---


@pytest.mark.parametrize("param", PARAMS)
@pytest.mark.parametrize("from_noise", [True, False])
def test_no_point_ever_leaves_its_bounds(param, from_noise):
    objective = Weighted(1e3 * draw_weights())
    start = 127.5 if from_noise else draw_pictures()
    problem = build_picture_problem(objective, start=start, from_noise=from_noise)
    result = Maximize(param=param, steps=20, step=3.0).search(problem)
    calls = np.concatenate(objective.calls)
    assert calls.min() >= 0
    assert calls.max() <= 255
    assert np.ptp(result.points) > 150  # so it went far


@pytest.mark.parametrize("param", PARAMS)
def test_frozen_values_stay_bit_for_bit(param):
    start = draw_pictures().astype(np.float32)
    is_frozen = np.arange(SIZE) < SIZE // 2
    problem = build_picture_problem(Weighted(draw_weights()), start=start)
    low, high = (
        np.where(is_frozen, start, bound).astype(np.float32)
        for bound in (problem.low, problem.high)
    )
    result = Maximize(param=param, steps=8).search(replace(problem, low=low, high=high))
    for points in problem.objective.calls:
        np.testing.assert_array_equal(points[:, is_frozen], start[:, is_frozen])
    np.testing.assert_array_equal(result.points[:, is_frozen], start[:, is_frozen])
    assert np.any(result.points[:, ~is_frozen] != start[:, ~is_frozen])


# --- pictures and series ---


@pytest.mark.parametrize("shape", [(8, 8, 1), (7, 9, 3), (6, 11, 5), (5, 4), (30,), (21, 2)])
@pytest.mark.parametrize("param", PARAMS)
def test_every_shape_gets_better(shape, param):
    size = int(np.prod(shape))
    names = frozenset({"x"})
    kind = {"pictures": names} if len(shape) == 3 or shape == (5, 4) else {"series": names}
    weights = np.cumsum(draw_weights(size))  # a score of low frequencies
    objective = Weighted(weights - weights.mean())
    for from_noise in (True, False):
        start = (
            np.full((2, size), 100.0) if from_noise else draw_pictures()[:2, :1] + np.zeros(size)
        )
        problem = build_problem(
            objective, start, 0, 255, shapes={"x": shape}, from_noise=from_noise, **kind
        )
        result = Maximize(param=param, steps=24).search(problem)
        scores = [trace[:, 1] for trace in result.traces]
        assert all(score.max() > score[0] for score in scores) or param == "maco"
        np.testing.assert_allclose(result.scores, objective.compute_scores(result.points, None))


def test_a_search_from_an_input_begins_at_the_input_and_adds_a_smooth_change():
    start = 100 + draw_pictures().astype(np.float32) / 5
    frames = []
    problem = replace(
        build_picture_problem(Weighted(draw_weights()), start=start),
        on_frame=lambda step, points, rows: frames.append(points),
    )
    goal = Maximize(steps=4, step=0.02, decay=2.0, jitter=0.0, rotate=0.0, scale=0.0)
    points = goal.search(problem).points
    np.testing.assert_array_equal(frames[0], start)
    assert points.min() > 0
    assert points.max() < 255
    changes = (points - start).reshape(3, *SHAPE)
    assert np.abs(np.diff(changes, axis=1)).mean() < 0.7 * np.abs(changes).mean()
    assert np.abs(np.diff(changes, axis=1)).mean() > 0


def test_more_decay_is_smoother():
    roughness = []
    for decay in (0.0, 1.0, 2.0):
        problem = build_picture_problem(Weighted(draw_weights()), from_noise=True)
        goal = Maximize(steps=6, decay=decay, jitter=0.0, rotate=0.0, scale=0.0)
        pictures = goal.search(problem).points.reshape(3, *SHAPE)
        roughness.append(np.abs(np.diff(pictures, axis=1)).mean() / pictures.std())
    assert roughness[0] > roughness[1] > roughness[2]


def test_a_series_that_scores_a_wave_becomes_that_wave():
    wave = np.sin(np.arange(60) / 60 * 2 * np.pi * 3)
    problem = build_problem(
        Weighted(wave), np.zeros(60), -2, 2, shapes={"x": (60,)},
        series=frozenset({"x"}), from_noise=True,
    )  # fmt: skip
    result = Maximize(steps=128, jitter=0.0).search(problem)
    assert np.corrcoef(result.points[0], wave)[0, 1] > 0.8  # a square wave has 0.9


def test_a_spotlight_moves_the_middle_and_leaves_the_corners():
    for from_noise in (True, False):
        start = 127.5 if from_noise else draw_pictures()
        problem = build_picture_problem(
            Weighted(draw_weights()), start=start, from_noise=from_noise
        )
        # Random weights are all edges, which smoothness is against.
        goal = Maximize(steps=30, spotlight=True, step=0.5, smooth=0.0)
        points = goal.search(problem).points
        moved = np.abs(points - problem.start).reshape(3, *SHAPE)
        corners = moved[:, [0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.max() < 3
        assert moved[:, 5:7, 4:6].mean() > 40


def test_a_spotlight_from_noise_stands_before_surroundings_that_change():
    """The model sees others at each step; the picture that is stored and scored has grey ones."""
    objective = Weighted(draw_weights())
    still = {"jitter": 0.0, "rotate": 0.0, "scale": 0.0}
    problem = build_picture_problem(objective, 1, from_noise=True)
    points = Maximize(steps=6, spotlight=True, **still).search(problem).points
    corners = {call.reshape(-1, *SHAPE)[0, 0, 0].round(1).tobytes() for call in objective.calls}
    assert len(corners) >= 6
    np.testing.assert_allclose(points.reshape(SHAPE)[0, 0], 127.5, atol=1)
    start = draw_pictures(1)
    objective = Weighted(draw_weights())
    Maximize(steps=6, spotlight=True, **still).search(
        build_picture_problem(objective, 1, start=start)
    )
    corners = [call.reshape(-1, *SHAPE)[0, 0, 0] for call in objective.calls]
    np.testing.assert_allclose(corners, [start.reshape(SHAPE)[0, 0]] * len(corners), atol=1)


def test_maco_has_the_spectrum_of_the_data():
    data = np.cumsum(np.random.default_rng(3).normal(size=(8, *SHAPE)), axis=1)
    data = (127.5 + 5 * (data - data.mean())).reshape(8, SIZE).astype(np.float32)
    problem = replace(build_picture_problem(Weighted(draw_weights()), from_noise=True), data=data)
    goal = Maximize(param="maco", steps=3, jitter=0.0, rotate=0.0, scale=0.0)
    pictures = goal.search(problem).points.reshape(3, *SHAPE)
    np.testing.assert_allclose(
        pictures.mean(axis=(0, 1, 2)), data.reshape(-1, 3).mean(axis=0), rtol=0.02
    )
    own, expected = (
        np.abs(np.fft.rfft2(p, axes=(1, 2))).mean(axis=(0, 3)).ravel()[1:]
        for p in (pictures, data.reshape(8, *SHAPE))
    )
    assert np.corrcoef(np.log(own), np.log(expected))[0, 1] > 0.9


# --- movements and what is reported ---


def test_the_score_is_that_of_the_point_and_not_of_a_moved_one():
    objective = Weighted(draw_weights())
    for goal in (Maximize(steps=20), Maximize(steps=20, jitter=0.0, rotate=0.0, scale=0.0)):
        result = goal.search(build_picture_problem(objective, from_noise=True))
        np.testing.assert_allclose(result.scores, objective.compute_scores(result.points, None))
        np.testing.assert_array_equal(result.gradient_calls, 20)
        np.testing.assert_array_equal(result.steps, 20)
        for trace, score in zip(result.traces, result.scores, strict=True):
            assert trace[-1, 0] == 20
            assert trace[:, 1].max() == score


def test_a_search_ends_where_the_point_itself_reaches_the_wanted_score():
    objective = Weighted(draw_weights())
    free = Maximize(steps=60).search(build_picture_problem(objective, from_noise=True))
    start = np.array([trace[0, 1] for trace in free.traces])
    wanted = start + 0.3 * (free.scores - start)
    result = Maximize(steps=60).search(
        build_picture_problem(objective, from_noise=True, wanted=wanted)
    )
    assert set(result.stops) == {"reached"}
    assert result.reached.all()
    assert np.all(result.scores >= wanted)
    assert np.all(result.gradient_calls < 60)
    np.testing.assert_allclose(result.scores, objective.compute_scores(result.points, None))


def test_frames_are_few_and_only_sent_where_they_are_asked_for():
    steps = []
    problem = replace(
        build_problem(Weighted(np.ones(4)), np.zeros((1, 4)), 0, 1),
        on_frame=lambda step, points, rows: steps.append(step),
    )
    Maximize(steps=100, step=0.001).search(problem)
    assert steps == choose_frame_steps(100)
    for count in (1, 3, 100, 2560):
        chosen = choose_frame_steps(count)
        assert len(chosen) <= 40
        assert chosen[0] == 0
        assert chosen[-1] == count
        assert chosen == sorted(set(chosen))


# --- searches that end early ---


def test_a_dead_start_is_tried_again_with_more_noise():
    weights = draw_weights()
    centre = (weights * 127.5).sum()
    objective = Rectified(weights, centre + 100)
    result = Maximize(steps=10).search(build_picture_problem(objective, from_noise=True))
    assert np.all(result.scores > 0)
    assert set(result.stops) == {"steps"}
    assert np.all(result.gradient_calls > 10)


def test_a_search_from_noise_that_rises_less_than_its_first_step_promised_is_lost():
    for from_noise, expected in ((True, [0]), (False, [])):
        problem = build_picture_problem(Weighted(draw_weights()), from_noise=from_noise)
        rule, log = _Ascent(Maximize(), problem, 0), SearchLog(problem)
        rule._first[:], rule._promises[:] = -1.0, [1.0, 1.0, -np.inf]
        log.scores[:] = [1.9, 2.1, -1.0]
        assert rule.find_lost(log).tolist() == expected


def test_a_movement_that_kills_the_gradient_ends_nothing():
    weights = draw_weights()
    start = 127.5 + np.sign(weights)  # a shift loses the score of 0.8 a pixel
    objective = Rectified(weights, (127.5 * weights).sum() + 200)
    result = Maximize(steps=20, param="pixels", jitter=0.4).search(
        build_picture_problem(objective, start=start)
    )
    assert set(result.stops) == {"steps"}
    assert np.all(result.scores > 1000)


def test_a_start_that_stays_dead_says_so():
    objective = Rectified(draw_weights(), np.inf)
    for from_noise in (True, False):
        for goal in (Maximize(steps=10), Maximize(steps=10, jitter=0.0, rotate=0.0, scale=0.0)):
            result = goal.search(build_picture_problem(objective, from_noise=from_noise))
            assert set(result.stops) == {"zero-gradient"}
            assert np.all(result.gradient_calls <= 2 * ATTEMPTS)


def test_patience_ends_a_search_that_gets_no_better():
    objective = Quadratic(np.eye(2), [0.5, -0.5])
    problem = build_problem(objective, np.zeros((1, 2)), -1, 1)
    result = Maximize(patience=5, steps=1000).search(problem)
    assert result.stops[0] == "patience"
    assert result.gradient_calls[0] < 300
    np.testing.assert_allclose(result.points[0], [0.5, -0.5], atol=0.05)
    assert Maximize(steps=100).search(problem).stops[0] == "steps"


def test_a_search_that_is_stopped_returns_the_best_so_far():
    calls = iter([False] * 5 + [True] * 100)
    problem = replace(
        build_problem(Linear([1.0, -1.0]), np.zeros((1, 2)), -1, 1),
        should_stop=lambda: next(calls),
    )
    result = Maximize().search(problem)
    assert result.gradient_calls[0] == 5
    assert result.scores[0] > 0


def test_memory_does_not_grow_with_the_steps():
    peaks = []
    size = 48 * 48 * 3
    for steps in (4, 40):
        problem = build_problem(
            Shrinking(), np.zeros((4, size)), -1, 1, shapes={"x": (48, 48, 3)}, from_noise=True
        )
        goal = Maximize(steps=steps)
        tracemalloc.start()
        goal.search(problem)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 4 * size  # less than a picture
