"""Ticks are round numbers within the ends of the axis."""

import numpy as np
import pytest

from inputgrad_cli.rendering.series.axis_ticks import choose_ticks


def test_ticks_are_multiples_of_1_2_or_5():
    np.testing.assert_allclose(choose_ticks(0, 3), [0, 0.5, 1, 1.5, 2, 2.5, 3])
    np.testing.assert_allclose(choose_ticks(0, 0.3), [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
    np.testing.assert_allclose(choose_ticks(0, 127, least_step=1), [0, 20, 40, 60, 80, 100, 120])
    np.testing.assert_allclose(choose_ticks(-1, 1, 4), [-1, 0, 1])


def test_no_tick_is_cut_off_at_the_end():
    assert choose_ticks(0, 15, 15, least_step=1) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert choose_ticks(0, 15, 16, least_step=1) == list(range(16))


def test_whole_numbers_stay_whole():
    assert choose_ticks(0, 0, least_step=1) == [0]
    assert choose_ticks(0, 2, least_step=1) == [0, 1, 2]


@pytest.mark.parametrize("high", [1e-12, 1e-3, 0.7, 1, 9.99, 47_999, 1e30])
def test_ticks_are_few_and_inside(high):
    ticks = choose_ticks(0, high)
    assert 2 <= len(ticks) <= 8
    assert min(ticks) >= 0
    assert max(ticks) <= high * (1 + 1e-6)
