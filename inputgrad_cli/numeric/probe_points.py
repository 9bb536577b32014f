"""Probes: points at which a method asks for scores or gradients, several for each sample.

Probes are computed in chunks, sample by sample, so memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.arrays import Array, Arrays, Floats, count_rows, expand_like, sum_rows

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


class Moments:
    """Running mean and variance of each sample's terms, in float64.

    Terms are added one at a time with Welford's update, so memory does not grow with their number.
    `mean` is by site, (B, ...); `counts` is the number of terms, (B,).
    """

    def __init__(self, like: Arrays) -> None:
        """Start without terms, for values with the shapes of `like`, (B, ...)."""
        self.mean: dict[str, Floats] = {s: np.zeros(a.shape, np.float64) for s, a in like.items()}
        self._squares = {site: np.zeros_like(array) for site, array in self.mean.items()}
        self.counts = np.zeros(count_rows(like), np.int64)

    def add(self, row: int, term: Arrays) -> None:
        """Add a term of one sample: arrays by site, without the batch axis."""
        self.counts[row] += 1
        terms = int(self.counts[row])
        for site, values in term.items():
            step = values - self.mean[site][row]
            self.mean[site][row] += step / terms
            step *= step
            step *= (terms - 1) / terms
            self._squares[site][row] += step

    def compute_variance(self, site: str) -> Floats:
        """Return the unbiased variance of the terms, (B, ...); NaN for fewer than two."""
        with np.errstate(divide="ignore", invalid="ignore"):
            divisor = np.where(self.counts > 1, self.counts - 1, np.nan)
            return np.asarray(self._squares[site] / expand_like(divisor, self.mean[site]))

    def compute_standard_error(self) -> tuple[Floats, Floats]:
        """Return the absolute and the relative standard error of the mean, each (B,).

        The absolute one is averaged over the values of a map. The relative one is that divided by
        the largest absolute mean of the map. Both are NaN for fewer than two terms.
        """
        total, size = np.zeros(len(self.counts)), 0
        largest = np.zeros(len(self.counts))
        for site, mean in self.mean.items():
            errors = np.sqrt(self.compute_variance(site) / expand_like(self.counts, mean))
            total += sum_rows(errors)
            size += errors[0].size
            largest = np.maximum(largest, np.abs(mean).reshape(len(mean), -1).max(axis=1))
        error = total / size
        with np.errstate(divide="ignore", invalid="ignore"):
            # A map of zeros without error would give 0 / 0.
            relative = np.where(error == 0, 0.0, error / largest)
        return error, relative
