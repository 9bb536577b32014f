"""Samples of unequal shapes that stand in for an array wherever rows are taken of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from inputgrad_cli.numeric.arrays import Array


class Uneven:
    """Rows of one type and unequal shapes; an axis whose length varies is 0 in `shape`.

    Where even the number of axes varies, as unknown shapes allow, `shape` counts rows alone.
    """

    def __init__(self, rows: Sequence[Array]) -> None:
        self._rows = tuple(rows)
        shapes = [row.shape for row in rows]
        alike = len({len(shape) for shape in shapes}) == 1
        lengths = zip(*shapes, strict=True) if alike else ()
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


def uneven(rows: Sequence[Array]) -> Array:
    """Return rows of unequal shapes in the type of an array; what is taken of it is one."""
    return cast(Array, Uneven(rows))


def is_uneven(array: Any) -> bool:
    """Return whether the rows of an array have unequal shapes."""
    return isinstance(array, Uneven)


def run_of(arrays: Sequence[Array], rows: Sequence[int]) -> int:
    """Return how many of the rows, from the first, have one shape in each of the arrays."""
    shapes = [[array[row].shape for array in arrays if is_uneven(array)] for row in rows]
    return next((n for n, shape in enumerate(shapes) if shape != shapes[0]), len(rows))
