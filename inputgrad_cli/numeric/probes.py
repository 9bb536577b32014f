"""Points around or beside an input at which scores and gradients are asked for.

A stream of probes is walked in chunks, sample by sample, so memory does not grow with its length.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.arrays import Array, Arrays, Floats, across, count, sum_rows

Rows = NDArray[np.intp]


def chunks(rows: int, probes: int, size: int) -> Iterator[tuple[Rows, Rows]]:
    """Yield, for `probes` probes of each of `rows` samples, pairs of row and probe numbers.

    Pairs come sample by sample, at most `size` at a time.
    """
    for start in range(0, rows * probes, size):
        flat = np.arange(start, min(start + size, rows * probes))
        yield flat // probes, flat % probes


def runs(rows: Rows) -> Iterator[tuple[int, int]]:
    """Yield start and stop of each run of probes of one sample."""
    first = [int(i) for i in np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])]
    yield from zip(first, [*first[1:], len(rows)], strict=True)


def add_rows(
    total: dict[str, Floats], rows: Rows, values: dict[str, Array], weights: Array
) -> None:
    """Add `weights * values` (one row a probe) to the rows of `total` that the probes belong to.

    One after the other: sums of any other order would depend on which samples share a pass.
    """
    for name, array in values.items():
        for place, row in enumerate(rows):
            total[name][row] += weights[place] * array[place]


def line(start: Array, stop: Array, rows: Rows, places: Array) -> Array:
    """Return the points at `places` (0 is start, 1 is stop) of the straight lines of `rows`."""
    low, high = start[rows], stop[rows]
    return np.asarray(low + across(places, low) * (high - low), np.float32)


class Moments:
    """Running mean and spread, sample by sample, of terms that come one after another.

    Kept in float64 (Welford), so memory does not grow with the number of terms. `counts` is (B,).
    """

    def __init__(self, like: Arrays) -> None:
        """Begin with no terms, for values of the shapes of `like`, (B, ...)."""
        self.mean: dict[str, Floats] = {s: np.zeros(a.shape, np.float64) for s, a in like.items()}
        self._squares = {site: np.zeros_like(array) for site, array in self.mean.items()}
        self.counts = np.zeros(count(like), np.int64)

    def add(self, row: int, term: Arrays) -> None:
        """Take in one more term of a sample: names to arrays without the batch axis."""
        self.counts[row] += 1
        number = int(self.counts[row])
        for site, values in term.items():
            step = values - self.mean[site][row]
            self.mean[site][row] += step / number
            step *= step
            step *= (number - 1) / number
            self._squares[site][row] += step

    def variance(self, site: str) -> Floats:
        """Return the unbiased variance of the terms, (B, ...); NaN for less than two."""
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = across(np.where(self.counts > 1, self.counts - 1, np.nan), self.mean[site])
            return np.asarray(self._squares[site] / rest)

    def error(self) -> tuple[Floats, Floats]:
        """Return the standard error of the mean, averaged over each map, and the same relative.

        Relative to the map's largest absolute mean; both are (B,), NaN for less than two terms.
        """
        total, size = np.zeros(len(self.counts)), 0
        largest = np.zeros(len(self.counts))
        for site, mean in self.mean.items():
            flat = np.sqrt(self.variance(site) / across(self.counts, mean))
            total += sum_rows(flat)
            size += flat[0].size
            largest = np.maximum(largest, np.abs(mean).reshape(len(mean), -1).max(axis=1))
        error = total / size
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(error == 0, 0.0, error / largest)
        return error, relative
