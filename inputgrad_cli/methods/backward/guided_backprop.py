"""Gradients that go back only through open ReLUs, and only where they are positive."""

from dataclasses import dataclass

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.backward._base import Cutting


@methods.register
@dataclass(frozen=True)
class GuidedBackprop(Cutting):
    """The gradient, with negative ones cut off at every ReLU: what speaks for the score.

    Values are (B, ...) as the input, score per unit of input. At a ReLU y = max(z, 0), and its kin
    (ReLU6, leaky, ELU, SELU, PReLU), max(m, 0) [z > 0] dy/dz goes back where m came; all else goes
    back by its derivative. Smooth activations such as GELU are no ReLUs.
    Springenberg et al. 2014, arXiv:1412.6806.
    """

    name = "guided-backprop"
    paper = "arXiv:1412.6806"
    uncut = "gradient"
    known_as = ("guided-backpropagation", "gbp", "guided", "guided-relu")
