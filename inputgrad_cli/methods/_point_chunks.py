"""Points (probes) at which a method asks for scores or gradients, split into chunks.

A sample has several of them. They are computed in chunks, sample by sample, so memory does
not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.array_helpers import Array, Floats, expand_like

Indices = NDArray[np.intp]


def split_probes(rows: int, probes: int, size: int) -> Iterator[tuple[Indices, Indices]]:
    """Yield the row and the probe number of `probes` probes for each of `rows` samples.

    The probes of a sample follow each other; each chunk has at most `size` of them.
    """
    for start in range(0, rows * probes, size):
        flat = np.arange(start, min(start + size, rows * probes))
        yield flat // probes, flat % probes


def find_runs(rows: Indices) -> Iterator[tuple[int, int]]:
    """Yield start and stop of each run of equal rows, which are probes of one sample."""
    starts = [int(i) for i in np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])]
    yield from zip(starts, [*starts[1:], len(rows)], strict=True)


def add_rows(
    total: dict[str, Floats], rows: Indices, values: dict[str, Array], weights: Array
) -> None:
    """Add `weights * values`, one row per probe, to the rows of `total` of their samples.

    Probes are added one after the other, because another order of sums would give results that
    depend on which samples share a pass.
    """
    for name, array in values.items():
        for i, row in enumerate(rows):
            total[name][row] += weights[i] * array[i]


def interpolate(start: Array, stop: Array, rows: Indices, fractions: Array) -> Array:
    """Return points on the straight lines of `rows`, from fraction 0 (start) to 1 (stop)."""
    low, high = start[rows], stop[rows]
    return np.asarray(low + expand_like(fractions, low) * (high - low), np.float32)
