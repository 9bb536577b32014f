"""Arithmetic on arrays that several rooms share."""

import numpy as np
import pytest

from inputgrad_cli.numeric.array_helpers import rescale_to_unit, swap_zeros

MAPS = np.random.default_rng(4).normal(size=(3, 4, 5, 2))


@pytest.mark.parametrize("axes", [(1, 2), (1, 2, 3)])
def test_values_are_scaled_to_all_of_0_to_1(axes):
    scaled = rescale_to_unit(MAPS, axes)
    assert np.all(scaled.min(axis=axes) == 0)
    assert np.all(scaled.max(axis=axes) == 1)
    np.testing.assert_allclose(rescale_to_unit(7 * MAPS - 3, axes), scaled, atol=1e-12)


def test_constant_values_become_0():
    scaled = rescale_to_unit(np.full((2, 3), 5.0), (1,))
    assert scaled.tolist() == [[0, 0, 0]] * 2


@pytest.mark.parametrize("kind", ["float32", "int8", "uint16", "bool"])
def test_swapped_zeros_differ_everywhere_and_keep_their_type(kind):
    array = np.array([0, 1, 3, 0], kind)
    swapped = swap_zeros(array)
    assert swapped.dtype == array.dtype
    assert swapped.tolist() == [1, 0, 0, 1]
    assert np.all(swapped != array)
