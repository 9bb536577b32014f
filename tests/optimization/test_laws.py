"""Laws that every registered goal obeys; a new goal is tested here without a line more."""

import dataclasses
import re

import numpy as np
import pytest

from inputgrad_cli.optimization.attack_radius import RadiusGoal
from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.optimization.iteration_loop import FRAMES
from tests.optimization.law_cases import (
    ALL,
    COUNT,
    LABELS,
    NORMS,
    PICTURE,
    SIZE,
    build,
    build_pictures,
    draw_start,
)
from tests.optimization.problems import Broken, Network, Recorder, build_problem


@pytest.fixture(params=ALL, ids=[cls.name for cls in ALL])
def goal(request):
    return build(request.param)


def test_there_are_goals():
    assert {"fgsm", "pgd", "apgd", "deepfool"} <= set(goals.list_names())


@pytest.mark.parametrize("cls", ALL, ids=[cls.name for cls in ALL])
def test_a_goal_says_what_it_is(cls):
    assert re.fullmatch(r"(arXiv:\d{4}\.\d{4,5}|doi:\S+)?", cls.paper)
    assert cls.cost
    for field in dataclasses.fields(cls):
        assert field.metadata["help"], field.name


def test_every_point_is_inside_the_bounds(goal):
    start = draw_start()
    objective = Recorder(Network(SIZE, LABELS, whole=True), COUNT)
    problem = build_problem(objective, start, 10, 240, wanted=np.inf, **PICTURE)
    result = goal.search(problem)
    for points, _ in objective.calls:
        assert points.dtype == np.float32
        assert np.all((points >= 10) & (points <= 240))
    assert np.all((result.points >= 10) & (result.points <= 240))


def test_values_that_may_not_move_are_equal_bit_for_bit(goal):
    start = draw_start() + np.float32(0.3)  # which no rounding may touch
    low, high = np.zeros(start.shape, np.float32), np.full(start.shape, 255, np.float32)
    low[:, ::3] = high[:, ::3] = start[:, ::3]
    objective = Recorder(Network(SIZE, LABELS), COUNT)
    result = goal.search(build_problem(objective, start, low, high, wanted=3.0, **PICTURE))
    for points, rows in objective.calls:
        np.testing.assert_array_equal(points[:, ::3], start[rows][:, ::3])
    np.testing.assert_array_equal(result.points[:, ::3], start[:, ::3])


def test_the_order_of_items_does_not_matter(goal):
    start, order = draw_start(), np.array([2, 0, 3, 1])
    straight = goal.search(build_pictures(start))
    objective = Network(SIZE, LABELS[order], whole=True)
    seeds = [b"%d" % row for row in order]
    mixed = goal.search(build_pictures(start[order], objective, seeds=seeds))
    np.testing.assert_allclose(mixed.points, straight.points[order], atol=1e-3)
    np.testing.assert_allclose(mixed.scores, straight.scores[order], atol=1e-5)
    np.testing.assert_array_equal(mixed.reached, straight.reached[order])
    np.testing.assert_array_equal(mixed.gradient_calls, straight.gradient_calls[order])
    assert list(mixed.stops) == [straight.stops[row] for row in order]


def test_a_search_is_repeatable(goal):
    first, again = (goal.search(build_pictures(draw_start())) for _ in range(2))
    for field in dataclasses.fields(first):
        for one_item, other in zip(
            getattr(first, field.name), getattr(again, field.name), strict=True
        ):
            np.testing.assert_array_equal(one_item, other)


def test_another_seed_gives_other_draws_only_where_a_goal_draws(goal):
    start = draw_start()
    points = []
    for prefix in (b"a", b"b"):
        objective = Recorder(Network(SIZE, LABELS, whole=True), COUNT)
        seeds = [prefix + b"%d" % row for row in range(COUNT)]
        goal.search(build_pictures(start, objective, seeds=seeds, wanted=np.inf))
        points.append(np.concatenate([call for call, _ in objective.calls]))
    same = points[0].shape == points[1].shape and np.array_equal(*points)
    assert same != type(goal).random


def test_a_result_is_what_it_says(goal):
    objective = Recorder(Network(SIZE, LABELS, whole=True), COUNT)
    problem = build_pictures(draw_start(), objective.objective)
    problem = dataclasses.replace(problem, objective=objective)
    result = goal.search(problem)
    scores = objective.objective.compute_scores(result.points, problem.rows)
    np.testing.assert_allclose(result.scores, scores, rtol=1e-6)
    stored = problem.round_points(result.points, problem.rows)
    np.testing.assert_array_equal(stored[result.reached], result.points[result.reached])
    np.testing.assert_array_equal(result.reached, result.scores >= problem.wanted)
    np.testing.assert_array_equal(result.gradient_calls, objective.gradient_calls)
    np.testing.assert_array_equal(result.score_calls, objective.score_calls)
    for stop, reached in zip(result.stops, result.reached, strict=True):
        assert (stop == "reached") == reached
    assert [len(trace) > 0 for trace in result.traces] == [True] * COUNT


def test_a_search_sends_frames_of_its_way(goal):
    frames = []
    problem = build_pictures(draw_start(), on_frame=lambda *frame: frames.append(frame))
    goal.search(problem)
    seen = {int(row) for _, _, rows in frames for row in rows}
    assert seen == set(range(COUNT))
    starts = max(getattr(goal, "restarts", 1) * 2, getattr(goal, "bisections", 0), 3)
    for row in seen:
        assert sum(row in rows for _, _, rows in frames) <= FRAMES * starts
    for step, points, rows in frames:
        assert step >= 0
        assert points.shape == (len(rows), SIZE)
        assert np.all((points >= 0) & (points <= 255))


def test_a_result_is_not_worse_than_the_start(goal):
    if not (goal.leaves_class or goal.minimal):
        pytest.skip("the start of this search need not be the input")
    start = draw_start()
    problem = build_pictures(start, wanted=np.inf)
    before = problem.objective.compute_scores(start, problem.rows)
    assert np.all(goal.search(problem).scores >= before)


def test_an_item_that_is_reached_at_the_start_stays_there(goal):
    """No gradient moves it, and its radius is 0: a label that is wrong, a target that is right."""
    if not (goal.leaves_class or goal.minimal):
        pytest.skip("the start of this search need not be the input")
    start = draw_start()
    result = goal.search(build_pictures(start, rise=0.0))
    np.testing.assert_array_equal(result.points, start)
    assert result.reached.all()
    assert set(result.stops) == {"reached"}
    assert np.all(result.gradient_calls <= COUNT)  # at most the pieces of one point
    if isinstance(goal, RadiusGoal):
        np.testing.assert_array_equal(result.radius, 0)


@pytest.mark.parametrize("scores", [False, True])
def test_an_item_with_nan_fails_with_a_reason(goal, scores):
    start = draw_start()
    network = Network(SIZE, LABELS, whole=True)
    result = goal.search(build_pictures(start, Broken(network, 1, scores=scores), rise=0.3))
    assert result.stops[1] == "not-finite"
    assert not result.reached[1]
    healthy = goal.search(build_pictures(start, network, rise=0.3))
    for row in (0, 2, 3):
        np.testing.assert_array_equal(result.points[row], healthy.points[row])
        assert result.stops[row] == healthy.stops[row]


def test_a_search_stops_when_it_should(goal):
    done = []
    problem = build_pictures(
        draw_start(),
        wanted=np.inf,
        should_stop=lambda: len(done) >= 3,
        on_step=lambda step, total: done.append((step, total)),
    )
    goal.search(problem)
    assert len(done) <= 4  # one step may be on its way
    assert all(1 <= step <= total for step, total in done)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("cls", [c for c in ALL if c.minimal and c.leaves_class], ids=str)
def test_a_minimal_point_is_near_the_boundary(cls, norm):
    """With values that need no rounding: 10 % nearer to the start, it is not reached."""
    start = np.random.default_rng(0).normal(size=(COUNT, SIZE)).astype(np.float32)
    objective = Network(SIZE, LABELS)
    wanted = objective.compute_scores(start, LABELS) + 0.5
    problem = build_problem(objective, start, wanted=wanted)
    result = build(cls, norm=norm).search(problem)
    assert result.reached.all()
    inner = start + 0.9 * (result.points - start)
    assert np.all(objective.compute_scores(inner, problem.rows) < wanted)
