"""Gradients that go back only through open ReLUs, and only where they are positive."""

from dataclasses import dataclass

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.backward._base import ClippedGradient


@methods.register
@dataclass(frozen=True)
class GuidedBackprop(ClippedGradient):
    """The gradient, with negative values set to zero at every ReLU in the backward pass.

    Values are (B, ...) as the input, score per unit of input. At a ReLU y = max(z, 0) and its
    variants (ReLU6, leaky, ELU, SELU, PReLU), m becomes max(m, 0) [z > 0] dy/dz. All other
    operations use their derivative, smooth activations such as GELU too.
    Springenberg et al. 2014, arXiv:1412.6806.
    """

    name = "guided-backprop"
    paper = "arXiv:1412.6806"
    unclipped_variant = "gradient"
    aliases = ("guided-backpropagation", "gbp", "guided", "guided-relu")
