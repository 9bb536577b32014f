"""Brings maps to another size, for example a layer's map to the size of the input.

Values lie at the centres of cells, and each axis is computed on its own. `resize_maps` interpolates
linearly (bilinearly for two axes), `repeat_cells` repeats the nearest value.

The new cells may cover another stretch than the old ones: a span says where the old ones begin and
end, in new cells. Then the first and last values are repeated outside of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.array_helpers import Array, Floats

Span = tuple[float, float]


def resize_maps(maps: Array, size: Sequence[int], spans: Sequence[Span] | None = None) -> Floats:
    """Resize the last axes of maps (..., h, w) to `size`; edges keep their value."""
    resized: Floats = np.asarray(maps, np.float32)
    axes = range(resized.ndim - len(size), resized.ndim)
    for axis, length, span in zip(axes, size, spans or [(0, n) for n in size], strict=True):
        if resized.shape[axis] != length or span != (0, length):
            matrix = build_resize_matrix(resized.shape[axis], length, span)
            resized = np.moveaxis(np.moveaxis(resized, axis, -1) @ matrix, -1, axis)
    return np.ascontiguousarray(resized)


def build_resize_matrix(before: int, after: int, span: Span | None = None) -> Floats:
    """Return the matrix (before, after) that interpolates values of `before` cells at `after`."""
    positions = np.clip(_locate(before, after, span) - 0.5, 0, before - 1)
    # Each new value lies between the cells `left` and `left + 1`.
    left = np.minimum(positions.astype(np.intp), max(before - 2, 0))
    share = positions - left
    matrix = np.zeros((before, after), np.float32)
    columns = np.arange(after)
    matrix[left, columns] = 1.0 - share
    matrix[np.minimum(left + 1, before - 1), columns] += share
    return matrix


def repeat_cells(maps: Array, size: Sequence[int], spans: Sequence[Span]) -> Array:
    """Return maps (..., h, w) in another size, each new cell with the value at its centre."""
    enlarged = maps
    axes = range(maps.ndim - len(size), maps.ndim)
    for axis, length, span in zip(axes, size, spans, strict=True):
        if maps.shape[axis] != length or span != (0, length):
            cells = find_cells(maps.shape[axis], length, span)
            enlarged = np.take(enlarged, cells.clip(0, maps.shape[axis] - 1), axis=axis)
    return enlarged


def find_cells(before: int, after: int, span: Span) -> NDArray[np.intp]:
    """Return the old cell in which the centre of each new cell lies; it may be outside of all."""
    return np.floor(_locate(before, after, span)).astype(np.intp)


def _locate(before: int, after: int, span: Span | None) -> Floats:
    """Return the positions of the centres of new cells, in old cells."""
    start, stop = span or (0, after)
    return np.asarray((np.arange(after) + 0.5 - start) * before / (stop - start), np.float64)
