"""Arrays that are brought to the size of a picture keep what is large, and its sign."""

import numpy as np
import pytest

from inputgrad_cli.numeric.pooling_to_pixels import pool_largest, pool_mean, stretch, take_largest


def test_each_cell_keeps_the_value_farthest_from_zero_with_its_sign():
    np.testing.assert_array_equal(pool_largest(np.array([1, -3, 2, 0, 0, 0.5]), 3), [-3, 2, 0.5])
    np.testing.assert_array_equal(pool_largest(np.array([[1, -3, 2, 0]]), 2, axis=1), [[-3, 2]])


def test_a_short_axis_is_kept():
    values = np.array([1.0, -2.0])
    np.testing.assert_array_equal(pool_largest(values, 2), values)
    np.testing.assert_array_equal(pool_largest(values, 700), values)
    np.testing.assert_array_equal(pool_mean(values, 700), values)


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_a_cell_with_a_value_that_is_not_finite_is_nan(lost):
    pooled = pool_largest(np.array([5, lost, 1, 2]), 2)
    assert np.isnan(pooled[0])
    assert pooled[1] == 2


@pytest.mark.parametrize("length", [701, 999, 1400, 48_000])
def test_no_peak_of_a_long_series_is_lost(length):
    rng = np.random.default_rng(length)
    for position in (0, 1, length // 2, length - 1, *rng.integers(length, size=20)):
        values = np.zeros(length)
        values[position] = -4.0
        pooled = pool_largest(values, 700)
        assert len(pooled) == 700
        assert (pooled == -4.0).sum() == 1
        assert abs(np.argmin(pooled) - position * 700 / length) <= 1


def test_means_of_cells_keep_the_mean_of_the_whole():
    values = np.arange(12.0)
    np.testing.assert_array_equal(pool_mean(values, 4), [1, 4, 7, 10])
    assert pool_mean(np.arange(35.0).reshape(5, 7), 3, axis=1).shape == (5, 3)


def test_a_stretched_axis_has_cells_of_equal_width():
    np.testing.assert_array_equal(stretch(np.array([1, 2]), 6), [1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(stretch(np.array([[1, 2]]), 4, axis=1), [[1, 1, 2, 2]])
    counts = np.bincount(stretch(np.arange(64), 700))
    assert counts.min() >= 10
    assert counts.max() <= 11


def test_the_largest_along_an_axis_keeps_its_sign():
    values = np.array([[[1.0, -2.0], [-3.0, 1.0]], [[0.0, 1.0], [2.0, np.nan]]])
    np.testing.assert_array_equal(take_largest(values, 0), [[1, -2], [-3, np.nan]])
    np.testing.assert_array_equal(take_largest(values, 2), [[-2, -3], [1, np.nan]])
