"""Maps weighted by positive gradients, with a weight for each position."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.layer._base import CAM
from inputgrad_cli.numeric.array_helpers import Array


@methods.register
@dataclass(frozen=True)
class GradCAMPlusPlus(CAM):
    """Grad-CAM with weights that count every position where a class appears equally.

    Values are relu(sum_k w_k A_k) with w_k = sum a_k relu(G_k) over positions, G = d score / d A,
    a = G^2 / (2 G^2 + G^3 sum A), coarse as in grad-cam. The paper differentiates exp(score); that
    multiplies each map by one positive number, exp(score), which is left out here.
    Chattopadhyay et al. 2017, arXiv:1710.11063.
    """

    name = "grad-cam++"
    paper = "arXiv:1710.11063"
    unclipped_variant = "grad-cam:relu=false"
    aliases = ("grad-cam-pp",)

    def combine(self, maps: Array, gradients: Array) -> Array:
        """Return the weighted sum; positions without gradient have no weight."""
        spatial_axes = tuple(range(1, maps.ndim - 1))
        square = gradients**2
        denominator = 2 * square + gradients * square * maps.sum(axis=spatial_axes, keepdims=True)
        # Where the gradient is zero, the quotient would be 0 / 0.
        share = np.divide(square, denominator, out=np.zeros_like(square), where=denominator != 0)
        weights = (share * np.maximum(gradients, 0)).sum(axis=spatial_axes, keepdims=True)
        return np.asarray((weights * maps).sum(axis=-1))
