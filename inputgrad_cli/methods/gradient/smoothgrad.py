"""The mean of another method over noisy copies of the input."""

from dataclasses import dataclass

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.gradient._noise import NoisyMethod


@methods.register
@dataclass(frozen=True)
class SmoothGrad(NoisyMethod):
    """Mean of a method (the gradient by default) over copies of the input with Gaussian noise.

    Values are 1/n sum_i M(x + n_i), (B, ...) as the input, in the units of the inner method M. The
    noise n_i has a standard deviation of `noise` times the sample's max - min, input by input. The
    standard error of the mean is recorded; `antithetic` pairs +n with -n, which cancels what is
    linear in the noise.
    Smilkov et al. 2017, arXiv:1706.03825.
    """

    name = "smoothgrad"
    paper = "arXiv:1706.03825"
    aliases = ("sg", "smooth-gradient", "smooth", "noise-tunnel")
    linear_exact = "gradient"
    reduce = "max-abs"
