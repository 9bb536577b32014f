"""The variance of another method over noisy copies of the input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.gradient._noise import Noisy, Terms
from inputgrad_cli.numeric.arrays import Arrays
from inputgrad_cli.numeric.probes import Moments


class Spreads(Terms):
    """The running variance, as a mean of unbiased terms: so it has a standard error as well.

    With m the mean of the k values before it, k / (k + 1) (value - m)^2 has the variance as its
    mean, and the mean of these terms is the unbiased variance. Of a mirrored pair the value is its
    mean, and the square of half its difference is added.
    """

    def __init__(self, like: Arrays) -> None:
        super().__init__(like)
        self._values = Moments(like)

    def add(self, row: int, maps: Sequence[Arrays]) -> None:
        """Take in the maps of one draw; the first gives no term yet."""
        before = int(self._values.counts[row])
        value = {site: self.term([m[site] for m in maps]) for site in maps[0]}
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
class VarGrad(Noisy):
    """Variance of a method (the gradient by default) over noisy copies of the input.

    Values are 1/(n-1) sum_i (M(x + n_i) - mean)^2, the unbiased variance, (B, ...) as the input,
    never below zero, in the squared units of the inner method M. A linear model has none. Noise and
    standard error are as in smoothgrad; with `antithetic` the variance of the pairs' means and the
    mean square of half their differences add up to it.
    Adebayo et al. 2018, arXiv:1810.03307.
    """

    name = "vargrad"
    paper = "arXiv:1810.03307"
    known_as = ("variance", "variance-gradient")
    linear_exact = "zero"
    of_copies = "variance over noisy copies"

    @property
    def sign(self) -> str:
        """Return `positive`: it is made of squares."""
        return "positive"

    @property
    def least_draws(self) -> int:
        """Return 2: one value has no variance."""
        return 2

    def terms(self, like: Arrays) -> Spreads:
        """Return the empty variance."""
        return Spreads(like)
