"""Arrays that are not in memory: rows are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, cast

import numpy as np

from inputgrad_cli.numeric.arrays import Array

BLOCK = 4 << 20  # bytes that are in memory at once when a stored array is gone through
Read = Callable[[int, int], Array]


class LazyArray:
    """Stands for an array (N, ...) wherever rows are taken of it; `read(start, stop)` gives them.

    NumPy makes a plain array of it where one is needed whole.
    """

    def __init__(self, shape: Sequence[int], dtype: Any, read: Read) -> None:
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.ndim = len(self.shape)
        self.size = prod(self.shape)
        self.nbytes = self.size * self.dtype.itemsize
        self._read = read

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Array:
        if isinstance(rows, (int, np.integer)):
            row = range(len(self))[rows]
            return np.asarray(self._read(row, row + 1)[0])
        if isinstance(rows, slice):
            rows = range(*rows.indices(len(self)))
        index = np.asarray(rows, np.intp)
        if not len(index):
            return np.empty((0, *self.shape[1:]), self.dtype)
        breaks = np.flatnonzero(np.diff(index) != 1) + 1
        runs = np.split(index, breaks)
        return _joined([self._read(int(run[0]), int(run[-1]) + 1) for run in runs])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self._read(0, len(self)), dtype)


def _joined(parts: Sequence[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def stored(shape: Sequence[int], dtype: Any, read: Read) -> Array:
    """Return a stored array in the type of those that it stands for."""
    return cast(Array, LazyArray(shape, dtype, read))


def is_stored(array: Any) -> bool:
    """Return whether the rows of an array are read when they are asked for."""
    return isinstance(array, LazyArray)


def ranges(shape: Sequence[int], itemsize: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of rows that go through an array, of about `BLOCK` bytes."""
    step = max(1, BLOCK // max(1, prod(shape[1:]) * itemsize))
    for start in range(0, shape[0], step):
        yield start, min(start + step, shape[0])


def blocks(array: Array) -> Iterator[Array]:
    """Yield an array (N, ...) in parts of about `BLOCK` bytes."""
    for start, stop in ranges(array.shape, array.dtype.itemsize):
        yield array[start:stop]


def strung(parts: Sequence[Array], rows: Sequence[int], total: int) -> Array:
    """Return (total, ...) of the parts one after the other in these rows, NaN in the others."""
    where = np.full(total, -1, np.intp)
    where[list(rows)] = np.arange(len(rows))
    ends = np.cumsum([len(part) for part in parts])

    def taken(places: Array) -> Array:
        """Return rows that stand one after the other in the parts."""
        found, start = [], int(places[0])
        while start <= places[-1]:
            number = int(np.searchsorted(ends, start, "right"))
            first = int(ends[number]) - len(parts[number])
            stop = min(int(places[-1]) + 1, int(ends[number]))
            found.append(np.asarray(parts[number][start - first : stop - first], np.float32))
            start = stop
        return _joined(found)

    def read(start: int, stop: int) -> Array:
        places = where[start:stop]
        out = np.full((stop - start, *parts[0].shape[1:]), np.nan, np.float32)
        if (there := places >= 0).any():
            out[there] = taken(places[there])
        return out

    return stored((total, *parts[0].shape[1:]), np.float32, read)
