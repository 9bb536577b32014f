"""Merges what the tables of one item know of their rows: the names of columns, and unused ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.samples import Samples, UnusedColumns
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.lazy_array import build_lazy_array, is_lazy


def merge_headers(parts: Mapping[str, Samples]) -> dict[str, list[str]]:
    """Return the names of the columns of each input, by input, of those that a table of rows feeds.

    A name that several tables have is written as that of the input with the column: `a[age]`.
    """
    headers = {name: part.header for name, part in parts.items() if part.many and part.header}
    counts = Counter(column for header in headers.values() for column in set(header))
    return {
        name: [_format_column(name, column, counts[column]) for column in header]
        for name, header in headers.items()
    }


def merge_unused(parts: Mapping[str, Samples]) -> UnusedColumns | None:
    """Return the columns of all tables that feed no input; None if there are none.

    The steps of a series belong to no sample, so beside many samples they are left out.
    """
    many = any(part.many for part in parts.values())
    unused = {name: p.unused for name, p in parts.items() if p.unused and p.many == many}
    rows = next((len(columns.cells) for columns in unused.values()), 0)
    unused = {name: columns for name, columns in unused.items() if len(columns.cells) == rows}
    if len(unused) < 2:
        return next(iter(unused.values()), None)
    counts = Counter(column for columns in unused.values() for column in set(columns.names))
    names = [
        _format_column(name, column, counts[column])
        for name, columns in unused.items()
        for column in columns.names
    ]
    return UnusedColumns(tuple(names), _join_cells([c.cells for c in unused.values()]))


def _format_column(name: str, column: str, count: int) -> str:
    return column if count == 1 else f"{name}[{column}]"


def _join_cells(parts: Sequence[Array]) -> Array:
    """Return the cells of all parts side by side, (N, columns); lazily if one of them is lazy."""
    joined = JoinedCells(tuple(parts))
    count, width = len(parts[0]), sum(part.shape[1] for part in parts)
    if any(is_lazy(part) for part in parts):
        return build_lazy_array((count, width), object, joined)
    return joined(0, count)


@dataclass(frozen=True)
class JoinedCells:
    """Reads rows of several parts; a value, so that the lazy array can be pickled."""

    parts: tuple[Array, ...]

    def __call__(self, start: int, stop: int) -> Array:
        """Return the cells of the rows from `start` to `stop`."""
        return np.concatenate([np.asarray(part[start:stop], object) for part in self.parts], 1)
