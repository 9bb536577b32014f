"""The pixels of a curve: its extremes survive, gaps stay gaps."""

import numpy as np
import pytest

from inputgrad_cli.numeric.curve_rasterization import cover_pixels, trace_columns


def test_a_straight_line_rises_evenly():
    low, high = trace_columns(np.array([0.0, 1.0]), 4)
    # The centres of the two cells are a quarter and three quarters along.
    np.testing.assert_allclose(low, [0, 0, 0.5, 1])
    np.testing.assert_allclose(high, [0, 0.5, 1, 1])


def test_a_single_value_is_a_level_line():
    low, high = trace_columns(np.array([3.0]), 5)
    np.testing.assert_array_equal(low, [3] * 5)
    np.testing.assert_array_equal(high, [3] * 5)


@pytest.mark.parametrize("length", [3, 64, 700, 1000, 48_000])
def test_the_extremes_are_those_of_the_curve_and_columns_touch(length):
    values = np.random.default_rng(length).normal(size=length)
    low, high = trace_columns(values, 700)
    assert (low <= high).all()
    if length >= 700:
        assert (low.min(), high.max()) == (values.min(), values.max())
    assert (low[1:] <= high[:-1]).all()
    assert (high[1:] >= low[:-1]).all()


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_a_gap_of_its_cell(lost):
    low, high = trace_columns(np.array([1.0, lost, 2.0, lost]), 16)
    gaps = np.isnan(low)
    np.testing.assert_array_equal(np.isnan(high), gaps)
    np.testing.assert_array_equal(np.flatnonzero(~gaps), [0, 1, 2, 3, 8, 9, 10, 11])
    assert set(low[~gaps]) == {1, 2}, "a value between two gaps is seen"


def test_nothing_but_gaps_is_empty():
    low, high = trace_columns(np.full(5000, np.nan), 700)
    assert np.isnan(low).all()
    assert np.isnan(high).all()
    assert not cover_pixels(low, high, 10).any()


def test_a_line_covers_one_pixel_or_shares_two():
    low = np.array([1.5, 2.0, np.nan, 0.5])
    high = np.array([1.5, 2.0, np.nan, 2.5])
    expected = [[0, 0, 0, 1], [1, 0.5, 0, 1], [0, 0.5, 0, 1], [0, 0, 0, 0]]
    np.testing.assert_allclose(cover_pixels(low, high, 4), expected)
