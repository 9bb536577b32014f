"""Random movements: linear, with exact adjoints, and the same for the same seed and step."""

import numpy as np
import pytest

from inputgrad_cli.optimization.maximization.parametrizations import Grid
from inputgrad_cli.optimization.maximization.random_transforms import Movements, Resampling, Roll

GRIDS = [Grid((8, 8), 1), Grid((7, 9), 3), Grid((6, 11), 2), Grid((5, 4), 3), Grid((1, 1), 1)]


def draw_values(grid, items, seed=0):
    return np.random.default_rng(seed).normal(size=(items, *grid.size, grid.channels))


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_movements_and_their_gradients_are_adjoint(grid):
    values, weights = draw_values(grid, 3), draw_values(grid, 3, seed=1)
    for movement in (
        Resampling(grid, np.array([0.3, -2.0, 0.01]), np.array([0.8, 1.3, 1.0])),
        Resampling(grid, np.array([0.3, -2.0, 0.01]), np.array([0.8, 1.3, 1.0]), mirrored=False),
        Roll(grid, np.array([[1, -2], [0, 5], [3, 3]])),
    ):
        there = (movement.apply(values) * weights).sum()
        assert there == pytest.approx((values * movement.pull_back(weights)).sum(), rel=1e-12)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_resampling_keeps_a_constant_and_never_leaves_the_range(grid):
    resampling = Resampling(grid, np.array([0.7, -0.2]), np.array([1.4, 0.6]))
    moved = resampling.apply(np.full((2, *grid.size, grid.channels), 200.0))
    np.testing.assert_allclose(moved, 200.0)
    values = draw_values(grid, 2)
    assert np.all(np.abs(resampling.apply(values)) <= np.abs(values).max() + 1e-12)


def test_a_quarter_turn_is_exact():
    grid = Grid((6, 6), 2)
    values = draw_values(grid, 1)
    turned = Resampling(grid, np.array([np.pi / 2]), np.ones(1)).apply(values)[0]
    candidates = [np.rot90(values[0], turn) for turn in (1, 3)]
    assert min(np.abs(turned - candidate).max() for candidate in candidates) < 1e-12


def test_a_scale_above_one_enlarges():
    grid = Grid((9, 9), 1)
    values = np.zeros((1, 9, 9, 1))
    values[0, 3:6, 3:6] = 1
    enlarged = Resampling(grid, np.zeros(1), np.array([2.0])).apply(values)
    assert enlarged.sum() > 3 * values.sum()


def test_beyond_the_edges_a_picture_is_mirrored_or_zero():
    grid = Grid((9, 9), 1)
    ones, half = np.ones((1, 9, 9, 1)), np.array([0.5])
    moved = Resampling(grid, np.zeros(1), half, mirrored=False).apply(ones)
    assert np.all(moved[0, 3:6, 3:6] == 1)
    assert moved.sum() < 36
    assert np.all(Resampling(grid, np.zeros(1), half).apply(ones) == 1)


def test_a_resampling_by_nothing_changes_nothing():
    grid = Grid((7, 9), 3)
    values = draw_values(grid, 2)
    same = Resampling(grid, np.zeros(2), np.ones(2)).apply(values)
    np.testing.assert_allclose(same, values, atol=1e-12)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_a_roll_leaves_the_magnitudes_of_the_spectrum(grid):
    values = draw_values(grid, 1)
    rolled = Roll(grid, np.array([[2, -3]])).apply(values)
    before, after = (np.abs(np.fft.rfft2(v, axes=(1, 2))) for v in (values, rolled))
    np.testing.assert_allclose(after, before, atol=1e-12)


def test_draws_belong_to_seed_and_step_and_not_to_the_batch():
    grid = Grid((16, 16), 1)
    movements = Movements([grid], 0.25, 10.0, 0.05)
    points = draw_values(grid, 3).reshape(3, -1).astype(np.float32)
    seeds = [b"a", b"b", b"c"]
    moved = movements.draw(seeds, 4).apply(points)
    alone = movements.draw(seeds[1:2], 4).apply(points[1:2])
    np.testing.assert_array_equal(moved[1:2], alone)
    assert np.any(movements.draw(seeds, 5).apply(points)[0] != moved[0])
    same = np.repeat(points[:1], 3, axis=0)
    moved = movements.draw(seeds, 4).apply(same)
    assert np.any(moved[0] != moved[1])


def test_draws_stay_within_their_limits_and_use_them():
    grid = Grid((16, 32), 1)
    movements = Movements([grid], 0.125, 10.0, 0.05)
    drawn = [movements.draw([b"seed"], step).movements[0] for step in range(300)]
    shifts = np.array([roll.shifts[0] for roll, _ in drawn])
    assert {*shifts[:, 0]} == set(range(-2, 3))
    assert {*shifts[:, 1]} == set(range(-4, 5))
    angles = np.rad2deg([resampling.angles[0] for _, resampling in drawn])
    scales = np.array([resampling.scales[0] for _, resampling in drawn])
    for values, middle, reach in ((angles, 0, 10), (scales, 1, 0.05)):
        assert 0.9 * reach < np.abs(values - middle).max() <= reach


def test_series_are_only_shifted_and_tables_stay():
    grids = [Grid((20,), 2), Grid((), 5)]
    movements = Movements(grids, 0.2, 10.0, 0.05)
    drawn = movements.draw([b"seed"], 0).movements
    assert [len(group) for group in drawn] == [1, 0]
    assert isinstance(drawn[0][0], Roll)
    assert not movements.is_still
    assert Movements(grids[1:], 0.2, 10.0, 0.05).is_still
    assert Movements([Grid((20, 20), 1)], 0.0, 0.0, 0.0).is_still
