"""Maps weighted by their positive gradients, place by place."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.layer._base import CAM
from inputgrad_cli.numeric.arrays import Array


@methods.register
@dataclass(frozen=True)
class GradCAMPlusPlus(CAM):
    """Grad-CAM with weights that count every place where a class is seen alike.

    Values are relu(sum_k w_k A_k) with w_k = sum a_k relu(G_k) over places, G = d score / d A and
    a = G^2 / (2 G^2 + G^3 sum A), coarse as in grad-cam. The paper differentiates exp(score); that
    multiplies each map by one positive number, exp(score), which is left out here.
    Chattopadhyay et al. 2017, arXiv:1710.11063.
    """

    name = "grad-cam++"
    paper = "arXiv:1710.11063"
    uncut = "grad-cam:relu=false"
    known_as = ("grad-cam-pp",)

    def combine(self, maps: Array, slopes: Array) -> Array:
        """Return the weighted sum; a place without gradient has no weight."""
        places = tuple(range(1, maps.ndim - 1))
        square = slopes**2
        below = 2 * square + slopes * square * maps.sum(axis=places, keepdims=True)
        share = np.divide(square, below, out=np.zeros_like(square), where=below != 0)
        weights = (share * np.maximum(slopes, 0)).sum(axis=places, keepdims=True)
        return np.asarray((weights * maps).sum(axis=-1))
