"""Points around or beside an input at which scores and gradients are asked for.

A stream of probes is walked in chunks, sample by sample, so memory does not grow with its length.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.arrays import Array, Floats, across

Rows = NDArray[np.intp]


def chunks(rows: int, probes: int, size: int) -> Iterator[tuple[Rows, Rows]]:
    """Yield, for `probes` probes of each of `rows` samples, pairs of row and probe numbers.

    Pairs come sample by sample, at most `size` at a time.
    """
    for start in range(0, rows * probes, size):
        flat = np.arange(start, min(start + size, rows * probes))
        yield flat // probes, flat % probes


def add_rows(
    total: dict[str, Floats], rows: Rows, values: dict[str, Array], weights: Array
) -> None:
    """Add `weights * values` (one row a probe) to the rows of `total` that the probes belong to."""
    first = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    for name, array in values.items():
        for start, stop in zip(first, [*first[1:], len(rows)], strict=True):
            total[name][rows[start]] += np.tensordot(weights[start:stop], array[start:stop], 1)


def line(start: Array, stop: Array, rows: Rows, places: Array) -> Array:
    """Return the points at `places` (0 is start, 1 is stop) of the straight lines of `rows`."""
    low, high = start[rows], stop[rows]
    return np.asarray(low + across(places, low) * (high - low), np.float32)
