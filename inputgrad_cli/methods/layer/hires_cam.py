"""Maps times their gradients, at each position."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.layer._base import CAM
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.registry import declare_parameter


@methods.register
@dataclass(frozen=True)
class HiResCAM(CAM):
    """Sum over channels of a layer's maps times their gradients, without averaging.

    Values are sum_k A_k * d score / d A_k, coarse as in grad-cam, in units of the score; if only a
    linear map follows the layer, they sum to the score without its bias. As in the paper, no relu.
    Draelos and Carin 2020, arXiv:2011.08891.
    """

    name = "hires-cam"
    paper = "arXiv:2011.08891"
    aliases = ("element-wise-cam", "xgrad-cam")

    relu: bool = declare_parameter(False, "keep positive values only")

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "contribution to the {space}"

    def combine(self, maps: Array, gradients: Array) -> Array:
        """Return the sum of products."""
        return np.asarray((maps * gradients).sum(axis=-1))
