"""Maps brought to another size: coarse maps of a layer, or of a few random numbers, to an input's.

Bilinear between the centres of cells, as far as axes go: a line for one axis, a plane for two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.numeric.arrays import Array, Floats


def resized(maps: Array, size: Sequence[int]) -> Floats:
    """Return maps (..., h, w) with their last axes as long as `size`; edges keep their value."""
    out: Floats = np.asarray(maps, np.float32)
    for axis, length in zip(range(out.ndim - len(size), out.ndim), size, strict=True):
        if out.shape[axis] != length:
            moved = np.moveaxis(out, axis, -1) @ weights(out.shape[axis], length)
            out = np.moveaxis(moved, -1, axis)
    return np.ascontiguousarray(out)


def weights(before: int, after: int) -> Floats:
    """Return the matrix (before, after) that takes values of cells to values of other cells."""
    places = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    left = np.minimum(places.astype(np.intp), max(before - 2, 0))
    share = places - left
    matrix = np.zeros((before, after), np.float32)
    columns = np.arange(after)
    matrix[left, columns] = 1.0 - share
    matrix[np.minimum(left + 1, before - 1), columns] += share
    return matrix
