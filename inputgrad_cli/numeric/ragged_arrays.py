"""Arrays whose rows have unequal shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array


class RaggedArray:
    """Behaves like an array when rows are indexed; the rows have one dtype and unequal shapes.

    An axis whose length varies is 0 in `shape`. If the number of axes varies too, `shape` holds
    the number of rows alone.
    """

    def __init__(self, rows: Sequence[Array]) -> None:
        self._rows = tuple(rows)
        shapes = [row.shape for row in rows]
        same_ndim = len({len(shape) for shape in shapes}) == 1
        lengths = zip(*shapes, strict=True) if same_ndim else ()
        self.shape = (len(rows), *(axis[0] if len(set(axis)) == 1 else 0 for axis in lengths))
        self.dtype, self.ndim = rows[0].dtype, len(self.shape)
        self.size = sum(row.size for row in rows)
        self.nbytes = sum(row.nbytes for row in rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> Array:
        if isinstance(rows, (int, np.integer)):
            return self._rows[rows]
        chosen = range(len(self))[rows] if isinstance(rows, slice) else rows
        return np.stack([self._rows[int(row)] for row in chosen])


def to_ragged_array(rows: Sequence[Array]) -> Array:
    """Return a `RaggedArray` of the rows, typed as an array."""
    return cast(Array, RaggedArray(rows))


def is_ragged(array: Any) -> bool:
    """Return whether the rows of an array have unequal shapes."""
    return isinstance(array, RaggedArray)


def count_equal_shapes(arrays: Sequence[Array], rows: Sequence[int]) -> int:
    """Return how many of the rows, from the first on, have equal shapes in every array."""
    shapes = [[array[row].shape for array in arrays if is_ragged(array)] for row in rows]
    return next((n for n, shape in enumerate(shapes) if shape != shapes[0]), len(rows))
