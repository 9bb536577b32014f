"""Connected pieces of masks, against pieces that are drawn by hand."""

import numpy as np
import pytest

from inputgrad_cli.numeric.connected_pieces import find_piece, measure_largest_piece


def test_the_share_is_that_of_the_largest_piece_and_corners_do_not_join():
    values = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1], [0.2, 0, 0, 1]])
    assert measure_largest_piece(values, 0.5) == pytest.approx(4 / 6)
    assert measure_largest_piece(values, 0.1) == pytest.approx(4 / 6.2)
    assert measure_largest_piece(values, 2.0) == 0.0
    assert measure_largest_piece(np.ones((3, 5)), 0.5) == 1.0


def test_a_piece_follows_every_turn():
    spiral = np.array([[1, 1, 1, 1, 1], [0, 0, 0, 0, 1], [1, 1, 1, 0, 1], [1, 0, 0, 0, 1], [1] * 5])
    np.testing.assert_array_equal(find_piece(spiral > 0, 0), spiral > 0)
