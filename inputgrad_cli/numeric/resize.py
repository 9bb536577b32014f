"""Linear interpolation of maps to another size, for example of a layer's map to the input's size.

Values lie at the centres of cells, and each axis is interpolated on its own: linear for one axis,
bilinear for two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.numeric.arrays import Array, Floats


def resize_maps(maps: Array, size: Sequence[int]) -> Floats:
    """Resize the last axes of maps (..., h, w) to `size`; edges keep their value."""
    resized: Floats = np.asarray(maps, np.float32)
    for axis, length in zip(range(resized.ndim - len(size), resized.ndim), size, strict=True):
        if resized.shape[axis] != length:
            matrix = build_resize_matrix(resized.shape[axis], length)
            resized = np.moveaxis(np.moveaxis(resized, axis, -1) @ matrix, -1, axis)
    return np.ascontiguousarray(resized)


def build_resize_matrix(before: int, after: int) -> Floats:
    """Return the matrix (before, after) that interpolates values of `before` cells at `after`."""
    positions = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    # Each new value lies between the cells `left` and `left + 1`.
    left = np.minimum(positions.astype(np.intp), max(before - 2, 0))
    share = positions - left
    matrix = np.zeros((before, after), np.float32)
    columns = np.arange(after)
    matrix[left, columns] = 1.0 - share
    matrix[np.minimum(left + 1, before - 1), columns] += share
    return matrix
