"""Arrays that are not held in memory: rows are read when they are indexed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, cast

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array

BLOCK_BYTES = 4 << 20  # bytes of a lazy array that are in memory while it is iterated over (4 MiB)
ReadRows = Callable[[int, int], Array]


class LazyArray:
    """Behaves like an array (N, ...) when rows are indexed; `read(start, stop)` returns rows.

    `np.asarray` reads the complete array. If `read` can be pickled, so can the array.
    """

    def __init__(self, shape: Sequence[int], dtype: Any, read: ReadRows) -> None:
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
        # Consecutive rows are read together.
        breaks = np.flatnonzero(np.diff(index) != 1) + 1
        runs = np.split(index, breaks)
        return _concat([self._read(int(run[0]), int(run[-1]) + 1) for run in runs])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self._read(0, len(self)), dtype)


def _concat(parts: Sequence[Array]) -> Array:
    """Concatenate, without a copy if there is one part."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def build_lazy_array(shape: Sequence[int], dtype: Any, read: ReadRows) -> Array:
    """Return a `LazyArray`, typed as an array."""
    return cast(Array, LazyArray(shape, dtype, read))


def is_lazy(array: Any) -> bool:
    """Return whether an array reads its rows when they are indexed."""
    return isinstance(array, LazyArray)


def split_rows(shape: Sequence[int], itemsize: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows that cover an array, each of about `BLOCK_BYTES` bytes."""
    step = max(1, BLOCK_BYTES // max(1, prod(shape[1:]) * itemsize))
    for start in range(0, shape[0], step):
        yield start, min(start + step, shape[0])


def iterate_blocks(array: Array) -> Iterator[Array]:
    """Yield an array (N, ...) in parts of about `BLOCK_BYTES` bytes."""
    for start, stop in split_rows(array.shape, array.dtype.itemsize):
        yield array[start:stop]


def concat_lazy(parts: Sequence[Array], rows: Sequence[int], total: int) -> Array:
    """Return a lazy array (total, ...) with the parts in order at `rows`, and NaN in other rows."""
    positions = np.full(total, -1, np.intp)
    positions[list(rows)] = np.arange(len(rows))
    ends = np.cumsum([len(part) for part in parts])
    read = JoinedRows(tuple(parts), positions, ends)
    return build_lazy_array((total, *parts[0].shape[1:]), np.float32, read)


@dataclass(frozen=True)
class JoinedRows:
    """Reads rows from several parts; a value, so that the lazy array can be pickled.

    `positions` has the position of each row in the joined parts, or -1 for a row of NaN; `ends`
    are the positions at which the parts end.
    """

    parts: tuple[Array, ...]
    positions: Array
    ends: Array

    def __call__(self, start: int, stop: int) -> Array:
        """Return the rows from `start` to `stop`, float32."""
        chosen = self.positions[start:stop]
        values = np.full((stop - start, *self.parts[0].shape[1:]), np.nan, np.float32)
        if (present := chosen >= 0).any():
            values[present] = self._read_positions(chosen[present])
        return values

    def _read_positions(self, consecutive: Array) -> Array:
        """Return rows at consecutive positions, which may lie in several parts."""
        pieces, start, parts, ends = [], int(consecutive[0]), self.parts, self.ends
        while start <= consecutive[-1]:
            index = int(np.searchsorted(ends, start, "right"))
            first = int(ends[index]) - len(parts[index])
            stop = min(int(consecutive[-1]) + 1, int(ends[index]))
            pieces.append(np.asarray(parts[index][start - first : stop - first], np.float32))
            start = stop
        return _concat(pieces)
