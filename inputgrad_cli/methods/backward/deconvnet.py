"""Gradients that go back through ReLUs only where they are positive."""

from dataclasses import dataclass

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.backward._base import Cutting


@methods.register
@dataclass(frozen=True)
class Deconvnet(Cutting):
    """The signal of a deconvnet: back through every ReLU goes what is positive, open or not.

    Values are (B, ...) as the input, score per unit of input. At a ReLU and its kin (ReLU6, leaky,
    ELU, SELU, PReLU) max(m, 0) goes back where m came; max pooling goes back to its winners
    (switches), all else by its derivative.
    Zeiler and Fergus 2013, arXiv:1311.2901.
    """

    name = "deconvnet"
    paper = "arXiv:1311.2901"
    uncut = "gradient"
    known_as = ("deconv", "deconvolution")
