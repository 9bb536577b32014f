"""Running mean, variance and standard error of terms, without keeping the terms."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.numeric.array_helpers import Arrays, Floats, count_rows, expand_like, sum_rows


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
