"""Balls about a start: nothing that they return is outside, measured exactly."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inputgrad_cli.optimization.norm_balls import BALLS, SLACK, EuclideanBall, MaxBall, take
from tests.optimization.problems import Linear, Network, build_problem

points = arrays(np.float32, (2, 5), elements=st.floats(-300, 300, width=32))
starts = arrays(np.float32, (2, 5), elements=st.floats(0, 255, width=32))
ROWS = np.arange(2)


def distance(norm, moved, start):
    offsets = moved.astype(float) - start
    return np.abs(offsets).max(axis=1) if norm == "inf" else np.sqrt((offsets**2).sum(axis=1))


TINY = {  # a step whose square vanishes in float64
    "start": np.zeros((2, 5), np.float32),
    "far": np.ones((2, 5), np.float32),
    "radius": 27.0,
    "length": 2e-153,
}


@pytest.mark.parametrize("norm", BALLS)
@example(**TINY)
@given(start=starts, far=points, radius=st.floats(0, 400), length=st.floats(0, 1000))
def test_every_point_is_inside_ball_and_box(norm, start, far, radius, length):
    problem = build_problem(Linear(np.ones(5)), start, 0, 255)
    ball = BALLS[norm](problem, radius)
    for moved in (
        ball.project(far, ROWS),
        ball.move(start, far, ROWS, np.full(2, length)),
        ball.find_highest(far, ROWS),
        ball.draw_points("a", 0, ROWS),
        ball.round_points(ball.project(far, ROWS), ROWS),
    ):
        assert moved.dtype == np.float32
        assert np.all(distance(norm, moved, start) <= radius * SLACK)
        assert np.all((moved >= 0) & (moved <= 255))


@pytest.mark.parametrize("norm", BALLS)
@given(start=starts, far=points, radius=st.floats(0, 400))
def test_a_point_inside_is_its_own_projection(norm, start, far, radius):
    ball = BALLS[norm](build_problem(Linear(np.ones(5)), start, 0, 255), radius)
    inside = ball.project(far, ROWS)
    np.testing.assert_allclose(ball.project(inside, ROWS), inside, atol=1e-4)


@pytest.mark.parametrize("norm", BALLS)
@given(start=starts, far=points, levels=st.integers(1, 60))
def test_rounded_points_are_whole_and_inside(norm, start, far, levels):
    start = np.rint(start)
    problem = build_problem(Network(5, [0, 1], whole=True), start, 0, 255)
    ball = BALLS[norm](problem, float(levels))
    rounded = ball.round_points(ball.project(far, ROWS), ROWS)
    np.testing.assert_array_equal(rounded, np.rint(rounded))
    assert np.all(distance(norm, rounded, start) <= levels)
    assert np.all((rounded >= 0) & (rounded <= 255))


def test_rounding_keeps_as_much_of_a_euclidean_step_as_fits():
    size = 400
    start = np.full((1, size), 100.0)
    problem = build_problem(Network(size, [0], whole=True), start, 0, 255)
    ball = EuclideanBall(problem, 50.0)
    gradients = np.random.default_rng(0).normal(size=(1, size))
    rounded = ball.round_points(ball.find_highest(gradients, np.arange(1)), np.arange(1))
    assert 49 <= distance("2", rounded, start)[0] <= 50


def test_random_points_fill_the_ball():
    """In d dimensions the distance of a uniform point has the mean d/(d+1), not one half."""
    count, size = 400, 8
    problem = build_problem(Linear(np.ones(size)), np.zeros((count, size)))
    rows = problem.rows
    far = distance("2", EuclideanBall(problem, 3.0).draw_points("a", 0, rows), 0)
    assert far.mean() == pytest.approx(3 * size / (size + 1), abs=0.05)
    even = MaxBall(problem, 3.0).draw_points("a", 0, rows)
    assert np.abs(even.mean()) < 0.1
    assert np.square(even).mean() == pytest.approx(3.0, abs=0.15)  # r²/3


def test_random_points_depend_on_seed_and_restart_only():
    start = np.zeros((3, 4))
    problem = build_problem(Linear(np.ones(4)), start, seeds=[b"a", b"b", b"a"])
    for ball in (MaxBall(problem, 1.0), EuclideanBall(problem, 1.0)):
        drawn = ball.draw_points("s", 0, problem.rows)
        np.testing.assert_array_equal(drawn[0], drawn[2])
        assert not np.array_equal(drawn[0], drawn[1])
        np.testing.assert_array_equal(ball.draw_points("s", 0, problem.rows[1:2])[0], drawn[1])
        assert not np.array_equal(ball.draw_points("s", 1, problem.rows)[0], drawn[0])
        assert not np.array_equal(ball.draw_points("t", 0, problem.rows)[0], drawn[0])


@pytest.mark.parametrize("norm", BALLS)
def test_values_that_may_not_move_stay_and_do_not_count(norm):
    """In one dimension that may move, both balls are the same interval."""
    start = np.array([[0.1, 0.2, 0.3]], np.float32)
    low, high = start.copy(), start.copy()
    low[0, 1], high[0, 1] = -9, 9
    ball = BALLS[norm](build_problem(Linear(np.ones(3)), start, low, high), 2.0)
    rows, gradients = np.arange(1), np.array([[0.0, -5.0, 0.0]])
    for moved in (
        ball.find_highest(gradients, rows),
        ball.move(start, gradients, rows, np.full(1, 7.0)),
        ball.draw_points("a", 0, rows),
    ):
        np.testing.assert_array_equal(moved[:, [0, 2]], start[:, [0, 2]])
        assert moved[0, 1] != start[0, 1]
    assert ball.find_highest(gradients, rows)[0, 1] == pytest.approx(-1.8)


def test_all_rows_are_taken_without_a_copy():
    array = np.zeros((3, 2))
    assert take(array, np.arange(3)) is array
    assert take(array, np.array([0, 2])).shape == (2, 2)


def test_a_slope_of_nothing_does_not_lead_out_of_the_ball():
    """Its square vanishes, so that no multiple of it seems to reach the radius."""
    ball = EuclideanBall(build_problem(Linear(np.ones(2)), np.zeros((1, 2)), -100, 1), 10.0)
    highest = ball.find_highest(np.array([[1.0, -1e-154]]), np.arange(1))
    assert distance("2", highest, 0)[0] <= 10
