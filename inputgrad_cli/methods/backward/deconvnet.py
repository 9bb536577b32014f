"""Gradients that go back through ReLUs only where they are positive."""

from dataclasses import dataclass

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.backward._base import ClippedGradient


@methods.register
@dataclass(frozen=True)
class Deconvnet(ClippedGradient):
    """Signal of a deconvnet: every ReLU passes back what is positive, whether it is open or not.

    Values are (B, ...) as the input, score per unit of input. At a ReLU and its variants (ReLU6,
    leaky, ELU, SELU, PReLU) m becomes max(m, 0). Max pooling passes m to its maxima (switches), and
    all other operations use their derivative.
    Zeiler and Fergus 2013, arXiv:1311.2901.
    """

    name = "deconvnet"
    paper = "arXiv:1311.2901"
    unclipped_variant = "gradient"
    aliases = ("deconv", "deconvolution")
