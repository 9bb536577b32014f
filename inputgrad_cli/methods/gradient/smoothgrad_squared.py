"""The mean square of another method over noisy copies of the input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.gradient._noise import MeanAccumulator, NoisyMethod
from inputgrad_cli.numeric.array_helpers import Array, Arrays


class SquareAccumulator(MeanAccumulator):
    """The running mean of squared maps."""

    def combine_maps(self, values: Sequence[Array]) -> Array:
        """Return the mean of the squares of the maps."""
        return super().combine_maps([np.square(array, dtype=np.float64) for array in values])


@methods.register
@dataclass(frozen=True)
class SmoothGradSquared(NoisyMethod):
    """Mean of the squares of a method (the gradient by default) over noisy copies of the input.

    Values are 1/n sum_i M(x + n_i)^2, (B, ...) as the input, never below zero, in the squared units
    of the inner method M. Each square is taken before the mean. Noise and standard error are as in
    smoothgrad.
    Hooker et al. 2018, arXiv:1806.10758.
    """

    name = "smoothgrad-squared"
    paper = "arXiv:1806.10758"
    aliases = ("smoothgrad-sq", "smoothgrad2", "sg-squared")
    linear_exact = "gradient squared"
    aggregation = "mean square over noisy copies"

    @property
    def sign(self) -> str:
        """Return `positive`, because squares are averaged."""
        return "positive"

    def build_accumulator(self, like: Arrays) -> SquareAccumulator:
        """Return the accumulator of squares, without terms."""
        return SquareAccumulator(like)
