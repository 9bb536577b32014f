"""Cut-out objects: where they are, their gradients, views, limits, and starts."""

from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.interfaces.goal import Evaluation, SearchResult
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.goals.maximize import Maximize
from inputgrad_cli.optimization.maximization.default_settings import OBJECT, WHOLE, WINDOW, Settings
from inputgrad_cli.optimization.maximization.multi_start_search import FrameStore, choose_starts
from inputgrad_cli.optimization.maximization.parametrizations import Grid
from inputgrad_cli.optimization.maximization.random_transforms import Movements
from inputgrad_cli.optimization.maximization.silhouette_parametrization import (
    EDGE,
    RADIUS,
    Layers,
    build_cutouts,
)
from inputgrad_cli.optimization.maximization.silhouette_search import (
    LIMIT,
    STARTS,
    VIEWS,
    CutoutOptions,
    CutoutSearch,
)
from inputgrad_cli.optimization.maximization.spotlight_window import compute_disc
from inputgrad_cli.optimization.maximization.total_variation import compute_variation
from tests.optimization.problems import build_problem

SHAPE = (12, 14, 3)
SIZE = 504
GOAL = Maximize(spotlight=True, steps=12)


class Brightness:
    """The score w . x / 255 + offset of each point, whose arithmetic is that of one point."""

    def __init__(self, weights, offset=0.0):
        self.weights, self.offset = np.asarray(weights, float), offset
        self.points = []

    def compute_scores(self, points, rows):
        self.points.append(np.array(points))
        return (points * self.weights).sum(axis=1) / 255 + self.offset

    def compute_gradients(self, points, rows):
        scores = self.compute_scores(points, rows)
        return Evaluation(scores, np.repeat(self.weights[None] / 255, len(points), axis=0))

    def round_points(self, points):
        return np.rint(points)


def draw_weights(seed=0):
    return np.random.default_rng(seed).normal(size=SIZE)


def build_picture_problem(margins, items=2, **more):
    shapes = {"picture": SHAPE}
    start = np.full((items, SIZE), 128.0)
    objective = Brightness(draw_weights(1))
    problem = build_problem(
        objective, start, 0, 255, shapes=shapes, pictures=frozenset(shapes), from_noise=True, **more
    )
    return replace(problem, margins=margins)


def build_search(margins, weight=0.0, **movement):
    """Return the search of two items by these margins, its log, and the objects of its start."""
    problem = replace(build_picture_problem(None), objective=margins)
    cutouts = build_cutouts(problem, 1.0)
    still = {"jitter": 0.0, "rotate": 0.0, "scale": 0.0} | movement
    movements = Movements([cutouts.fourier.grid], **still, mirrored=False)
    rule = CutoutSearch(problem, cutouts, CutoutOptions(10, 0.05, weight, movements))
    rule.begin(problem, problem.rows, 0)
    return rule, SearchLog(problem), cutouts.decode(rule._parameters)


# --- where an object is ---


def test_nothing_outside_the_disc_ever_changes():
    problem = build_picture_problem(Brightness(30 * draw_weights()))
    points = GOAL.search(problem).points.reshape(2, *SHAPE)
    down, right = np.indices(SHAPE[:2])
    distances = np.hypot(down - 5.5, right - 6.5) / 12
    is_outside = distances >= RADIUS + EDGE
    assert is_outside.sum() > 100
    assert np.all(points[:, is_outside] == 128)
    assert np.ptp(points[:, distances < RADIUS - EDGE]) > 50


def test_a_disc_falls_from_one_to_zero_across_its_edge():
    disc = compute_disc(Grid((40, 60), 3), 0.25, 0.05)
    assert disc.shape == (40, 60, 1)
    line = disc[19, 30:, 0]  # half a pixel from the middle
    assert np.all(line[:7] == 1)
    assert np.all(line[12:] == 0)
    assert np.all(np.diff(line) <= 0)


def test_an_object_has_one_colour_within_the_bounds():
    layers = build_search(Brightness(draw_weights()))[2]
    assert layers.colour.shape == (2, 1, 1, 3)
    assert layers.colour.min() > 0
    assert layers.colour.max() < 255
    opaque = Layers(np.ones_like(layers.opacity), layers.colour)
    painted = opaque.paint(np.zeros((2, *SHAPE)))
    np.testing.assert_allclose(painted, np.broadcast_to(layers.colour, painted.shape))


def test_values_that_may_not_move_stay_bit_for_bit():
    margins = Brightness(30 * draw_weights())
    problem = build_picture_problem(margins)
    is_frozen = np.arange(SIZE) % 2 == 0
    low, high = (np.where(is_frozen, 128, bound).astype(np.float32) for bound in (0, 255))
    wide = {"low": np.tile(low, (2, 1)), "high": np.tile(high, (2, 1))}
    result = GOAL.search(replace(problem, **wide))
    assert np.all(np.concatenate(margins.points)[:, is_frozen] == 128)
    assert np.all(result.points[:, is_frozen] == 128)
    assert np.any(result.points[:, ~is_frozen] != 128)


# --- gradients ---


def test_gradients_of_objects_agree_with_differences(rng):
    problem = build_picture_problem(None)
    cutouts = build_cutouts(problem, 1.0)
    parameters = 0.3 * rng.normal(size=(2, cutouts.count))
    behind, weights = rng.uniform(0, 255, (2, *SHAPE)), rng.normal(size=(2, *SHAPE))
    slopes = cutouts.pull_back(parameters, cutouts.decode(parameters).pull_back(weights, behind))
    direction, width = rng.normal(size=parameters.shape), 1e-5
    after, before = (
        (weights * cutouts.decode(parameters + sign * width * direction).paint(behind)).sum()
        for sign in (1, -1)
    )
    assert (slopes * direction).sum() == pytest.approx((after - before) / (2 * width), rel=1e-5)


def test_the_variation_of_an_opaque_square_is_its_outline():
    values = np.zeros((1, 30, 30, 1))
    values[0, 5:25, 8:20] = 1
    assert compute_variation(values, Grid((30, 30), 1))[0] == pytest.approx(64, rel=0.02)
    assert compute_variation(0 * values, Grid((30, 30), 1))[0] == 0


# --- views and the limit ---


def test_a_step_follows_the_mean_of_its_views():
    margins = Brightness(0.01 * draw_weights())
    rule, log, layers = build_search(margins, jitter=0.2, rotate=20.0, scale=0.2)
    rows = np.arange(2)
    views = [rule.evaluate_views(log, 3, layers, rows, [view]) for view in range(VIEWS)]
    mean = rule.evaluate_views(log, 3, layers, rows, range(VIEWS))
    np.testing.assert_allclose(mean.margins, np.mean([v.margins for v in views], axis=0))
    for name in ("opacity", "colour"):
        parts = [getattr(view.slopes, name) for view in views]
        np.testing.assert_allclose(getattr(mean.slopes, name), np.mean(parts, axis=0), atol=1e-12)
        assert np.any(parts[0] != parts[1])


@pytest.mark.parametrize(("margin", "moves"), [(LIMIT - 0.1, True), (LIMIT + 0.1, False)])
def test_a_view_beyond_the_limit_has_no_gradient(margin, moves):
    rule, log, layers = build_search(Brightness(1e-6 * draw_weights(), margin))
    views = rule.evaluate_views(log, 0, layers, np.arange(2), range(VIEWS))
    assert np.any(views.slopes.opacity) == moves
    assert np.any(views.slopes.colour) == moves
    np.testing.assert_allclose(views.margins, min(margin, LIMIT), atol=1e-4)


def test_beyond_the_limit_only_the_outline_gets_shorter():
    margins = Brightness(1e-6 * draw_weights(), 2 * LIMIT)
    rule, log, layers = build_search(margins, weight=1.0)
    rows, grid = np.arange(2), Grid(SHAPE[:2], 1)
    before = compute_variation(layers.opacity, grid)
    points = rule._paint(rows)
    for step in range(4):
        points = rule.move(step, points, rows, rule.evaluate(log, step, points, rows))
    after = rule._cutouts.decode(rule._parameters)
    assert np.all(compute_variation(after.opacity, grid) < before)
    np.testing.assert_array_equal(after.colour, layers.colour)


def test_more_weight_makes_a_shorter_outline():
    lengths = []
    for smooth in (0.0, 10.0):
        goal = replace(GOAL, smooth=smooth, steps=20)
        points = goal.search(build_picture_problem(Brightness(draw_weights()))).points
        shares = (points.reshape(2, *SHAPE) - 128) / 255
        lengths.append(compute_variation(shares, Grid(SHAPE[:2], 3)))
    assert np.all(lengths[1] < lengths[0])


def test_surroundings_differ_from_view_to_view_and_the_result_stands_before_the_start():
    margins = Brightness(draw_weights())
    result = GOAL.search(build_picture_problem(margins, 1))
    seen = np.concatenate(margins.points).reshape(-1, *SHAPE)
    assert len(np.unique(seen[:, 0, 0].round(1), axis=0)) == STARTS * VIEWS * GOAL.steps
    np.testing.assert_array_equal(result.points.reshape(SHAPE)[0, 0], 128)


# --- seeds, batches and starts ---


def test_the_same_seed_gives_the_same_bits_whatever_the_batch():
    problem = build_picture_problem(Brightness(draw_weights()), 3, seeds=[b"a", b"b", b"a"])
    first, second = GOAL.search(problem).points, GOAL.search(problem).points
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[0], first[2])
    assert np.any(first[0] != first[1])
    alone = build_picture_problem(Brightness(draw_weights()), 1, seeds=[b"b"])
    np.testing.assert_array_equal(GOAL.search(alone).points[0], first[1])


def test_calls_are_those_of_all_starts_and_the_score_that_of_the_stored_picture():
    problem = build_picture_problem(Brightness(draw_weights()))
    result = GOAL.search(problem)
    np.testing.assert_array_equal(result.gradient_calls, STARTS * VIEWS * GOAL.steps)
    np.testing.assert_array_equal(result.points, np.rint(result.points))
    expected = problem.objective.compute_scores(result.points, None)
    np.testing.assert_allclose(result.scores, expected)
    np.testing.assert_array_equal(result.steps, GOAL.steps)
    for trace, score in zip(result.traces, result.scores, strict=True):
        assert trace[-1, 1] == score


def test_the_best_start_is_reached_first_and_has_the_most_merit_then():
    rows = np.arange(6)
    result = SearchResult(
        rows[:, None] * 1.0, rows * 1.0, rows == 4, rows + 10, rows + 1, rows, rows * 0,
        tuple("abcdef"), [np.full((1, 5), row) for row in rows], np.full(6, np.inf),
    )  # fmt: skip
    best, chosen = choose_starts(result, np.array([1.0, 3.0, np.nan, 9.0, 2.0, 1.0]), 3)
    np.testing.assert_array_equal(chosen, [1, 4])
    np.testing.assert_array_equal(best.points[:, 0], [1, 4])
    np.testing.assert_array_equal(best.gradient_calls, [33, 42])
    np.testing.assert_array_equal(best.restarts, [1, 1])
    assert list(best.stops) == ["b", "e"]
    assert best.traces[1][0, 0] == 4
    assert best.reached.tolist() == [False, True]


def test_frames_are_those_of_the_chosen_start_alone():
    frames, sent = FrameStore(), []
    for step in (0, 3):
        frames.add(step, np.arange(4)[:, None] + 10.0 * step, np.arange(4))
    frames.send(np.array([1, 2]), lambda *frame: sent.append(frame))
    assert [(step, points[0, 0], rows[0]) for step, points, rows in sent] == [
        (0, 1, 0), (3, 31, 0), (0, 2, 1), (3, 32, 1),
    ]  # fmt: skip


def test_a_wanted_score_ends_the_search():
    problem = build_picture_problem(Brightness(draw_weights()), 1)
    start = problem.objective.compute_scores(problem.start, None)
    result = GOAL.search(replace(problem, wanted=start - 100))
    assert result.stops[0] == "reached"
    assert result.scores[0] >= start - 100


def test_a_search_that_is_stopped_returns_what_it_has():
    calls = iter([False] * 3 + [True] * 100)
    problem = build_picture_problem(Brightness(draw_weights()), 1)
    result = GOAL.search(replace(problem, should_stop=lambda: next(calls)))
    assert result.gradient_calls[0] == 3 * VIEWS * STARTS
    expected = problem.objective.compute_scores(result.points, None)
    np.testing.assert_allclose(result.scores, expected)


# --- where there is no object ---


@pytest.mark.parametrize(
    "goal", [GOAL, replace(GOAL, param="pixels"), replace(GOAL, spotlight=False)], ids=str
)
def test_without_a_class_or_another_param_a_window_is_moved_instead(goal):
    is_cutout = goal == GOAL
    for margins in (None, Brightness(draw_weights())):
        problem = build_picture_problem(margins, 1)
        calls = goal.search(problem).gradient_calls[0]
        assert (calls >= VIEWS * GOAL.steps) == (is_cutout and margins is not None)


def test_only_one_bounded_picture_has_an_object():
    problem = build_picture_problem(None)
    assert build_cutouts(problem, 1.0) is not None
    assert build_cutouts(replace(problem, high=problem.high + np.inf), 1.0) is None
    assert build_cutouts(replace(problem, shapes={"x": (SIZE,)}), 1.0) is None


def test_defaults_are_those_of_what_moves_and_every_choice_of_the_user_wins():
    assert GOAL.choose_settings(OBJECT) == replace(OBJECT, steps=GOAL.steps)
    assert Maximize().choose_settings(WHOLE) == WHOLE
    goal = Maximize(steps=3, rotate=0.0, scale=0.0, smooth=0.0)
    for defaults in (WHOLE, WINDOW, OBJECT):
        assert goal.choose_settings(defaults) == Settings(3, 0.0, 0.0, 0.0)


def test_the_estimate_is_what_a_search_takes():
    assert Maximize().estimate_steps() == WHOLE.steps
    result = GOAL.search(build_picture_problem(Brightness(draw_weights()), 1))
    assert GOAL.estimate_steps() == result.gradient_calls[0]
    assert Maximize(spotlight=True, param="maco").estimate_steps() == WINDOW.steps
