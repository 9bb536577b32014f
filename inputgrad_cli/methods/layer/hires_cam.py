"""Maps times their gradients, place by place."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.layer._base import CAM
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.registry import param


@methods.register
@dataclass(frozen=True)
class HiResCAM(CAM):
    """Sum over channels of a layer's maps times their gradients: nothing is averaged.

    Values are sum_k A_k * d score / d A_k, coarse as in grad-cam, in units of the score; where only
    a linear map follows the layer they sum to the score without its bias. As in the paper no relu.
    Draelos and Carin 2020, arXiv:2011.08891.
    """

    name = "hires-cam"
    paper = "arXiv:2011.08891"
    known_as = ("element-wise-cam", "xgrad-cam")

    relu: bool = param(False, "keep what speaks for the target alone")

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "contribution to the {space}"

    def combine(self, maps: Array, slopes: Array) -> Array:
        """Return the sum of products."""
        return np.asarray((maps * slopes).sum(axis=-1))
