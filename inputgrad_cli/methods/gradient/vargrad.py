"""The variance of another method over noisy copies of the input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.gradient._noise import MeanAccumulator, NoisyMethod
from inputgrad_cli.numeric.array_helpers import Arrays
from inputgrad_cli.numeric.running_moments import Moments


class VarianceAccumulator(MeanAccumulator):
    """The running variance, computed as a mean of unbiased terms, so that it has a standard error.

    If m is the mean of the k values before a value, the expectation of k / (k + 1) (value - m)^2
    is the variance, and the mean of these terms is the unbiased variance. An antithetic pair
    counts as one value, its mean, and the square of half its difference is added to the term.
    """

    def __init__(self, like: Arrays) -> None:
        super().__init__(like)
        self._values = Moments(like)

    def add(self, row: int, maps: Sequence[Arrays]) -> None:
        """Add the maps of one draw; the first draw gives no term."""
        before = int(self._values.counts[row])
        value = {site: self.combine_maps([m[site] for m in maps]) for site in maps[0]}
        if before:
            share = before / (before + 1)
            squares = {s: share * (v - self._values.mean[s][row]) ** 2 for s, v in value.items()}
            if len(maps) == 2:
                for site in squares:
                    half = (maps[0][site] - maps[1][site]) / 2
                    squares[site] = squares[site] + np.square(half, dtype=np.float64)
            self.mean.add(row, squares)
        self._values.add(row, value)


@methods.register
@dataclass(frozen=True)
class VarGrad(NoisyMethod):
    """Variance of a method (the gradient by default) over noisy copies of the input.

    Values are 1/(n-1) sum_i (M(x + n_i) - mean)^2, the unbiased variance, (B, ...) as the input,
    never below zero, in the squared units of the inner method M. It is zero for a linear model.
    Noise and standard error are as in smoothgrad; with `antithetic` the variance of the pairs'
    means and the mean square of half their differences add up to it.
    Adebayo et al. 2018, arXiv:1810.03307.
    """

    name = "vargrad"
    paper = "arXiv:1810.03307"
    aliases = ("variance", "variance-gradient")
    linear_exact = "zero"
    aggregation = "variance over noisy copies"

    @property
    def sign(self) -> str:
        """Return `positive`, because a variance is."""
        return "positive"

    @property
    def min_draws(self) -> int:
        """Return 2, because one value has no variance."""
        return 2

    def build_accumulator(self, like: Arrays) -> VarianceAccumulator:
        """Return the accumulator of the variance, without terms."""
        return VarianceAccumulator(like)
