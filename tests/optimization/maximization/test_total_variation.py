"""Total variation and backdrops: slopes by differences, and where surroundings change."""

import numpy as np
import pytest

from inputgrad_cli.optimization.maximization.parametrizations import Grid
from inputgrad_cli.optimization.maximization.random_backgrounds import build_backdrops
from inputgrad_cli.optimization.maximization.total_variation import (
    LEAST_EDGE,
    compute_variation_slopes,
    subtract_variation,
)
from tests.optimization.problems import Linear, build_problem

GRIDS = [Grid((6, 5), 3), Grid((9,), 1), Grid((3, 4, 2), 2)]


def measure_variation(values, grid):
    """Return the variation of each item, in loops, by its definition."""
    squares = 0.0
    for axis in grid.axes:
        step = np.zeros_like(values)
        inner = [slice(None)] * values.ndim
        inner[axis] = slice(0, -1)
        step[tuple(inner)] = np.diff(values, axis=axis)
        squares = squares + (step**2).sum(axis=-1)
    return np.sqrt(squares + LEAST_EDGE**2).reshape(len(values), -1).sum(axis=1)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_slopes_of_the_variation_agree_with_differences(grid, rng):
    values = rng.normal(size=(2, *grid.size, grid.channels))
    direction, width = rng.normal(size=values.shape), 1e-5
    after, before = (measure_variation(values + sign * width * direction, grid) for sign in (1, -1))
    slopes = (compute_variation_slopes(values, grid) * direction).reshape(2, -1).sum(axis=1)
    np.testing.assert_allclose(slopes, (after - before) / (2 * width), rtol=1e-4)


def test_an_area_of_one_colour_has_no_slope():
    assert not compute_variation_slopes(np.full((1, 4, 4, 3), 0.7), Grid((4, 4), 3)).any()


def test_the_weight_is_a_share_of_the_gradient_whatever_the_units(rng):
    grid = Grid((4, 4), 1)
    points, gradients = rng.uniform(0, 255, (2, 16)), rng.normal(size=(2, 16))
    ranges = np.full(points.shape, 255.0)
    lowered = subtract_variation(points, gradients, ranges, [grid], 0.3)
    lengths = np.linalg.norm(lowered - gradients, axis=1)
    np.testing.assert_allclose(lengths, 0.3 * np.linalg.norm(gradients, axis=1))
    scaled = subtract_variation(points / 255, 7 * gradients, ranges / 255, [grid], 0.3)
    np.testing.assert_allclose(scaled, 7 * lowered)
    assert subtract_variation(points, gradients, ranges, [grid], 0.0) is gradients
    assert not subtract_variation(points, 0 * gradients, ranges, [grid], 0.3).any()


def test_vectors_have_no_variation_and_frozen_values_no_slope_of_their_own(rng):
    points, gradients = rng.normal(size=(2, 5)), rng.normal(size=(2, 5))
    ranges = np.array([1.0, 0.0, 1.0, 1.0, 1.0]) + np.zeros((2, 5))
    lowered = subtract_variation(points, gradients, ranges, [Grid((), 5)], 0.3)
    np.testing.assert_array_equal(lowered, gradients)
    series = subtract_variation(points, gradients, ranges, [Grid((5,), 1)], 0.3)
    assert np.isfinite(series).all()


def test_a_backdrop_is_around_the_window_and_new_at_each_step():
    shapes = {"picture": (24, 24, 3), "row": (4,)}
    start = np.full((2, 24 * 24 * 3 + 4), 128.0)
    pictures = frozenset({"picture"})
    problem = build_problem(Linear(np.ones(2)), start, 0, 255, shapes=shapes, pictures=pictures)
    backdrops = build_backdrops(problem)
    first, again, later = (backdrops.draw([b"a", b"b"], step) for step in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.all(first[:, -4:] == 0)
    corners, middles = [], []
    for points in (first, later):
        added = points[:, :-4].reshape(2, 24, 24, 3)
        corners += [*added[:, 0, 0]]
        middles.append(np.abs(added[:, 10:14, 10:14]).max())
    assert max(middles) < 1
    assert len({corner.tobytes() for corner in corners}) == 4
    assert np.abs(corners).max() > 10
    alone = backdrops.draw([b"b"], 0)
    np.testing.assert_array_equal(alone[0], first[1])
