"""Maps weighted by the mean of their gradients."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.layer._base import CAM
from inputgrad_cli.numeric.arrays import Array


def mean_weights(slopes: Array) -> Array:
    """Return the mean of the gradients over places, (B, 1, ..., C) from (B, ..., C)."""
    return np.asarray(slopes.mean(axis=tuple(range(1, slopes.ndim - 1)), keepdims=True))


@methods.register
@dataclass(frozen=True)
class GradCAM(CAM):
    """Sum of a layer's maps, each weighted by the mean of its gradients; what speaks for it.

    Values are relu(sum_k w_k A_k) with w_k the mean of d score / d A_k over places, coarse: along
    the layer's spatial axes alone, (B, ...), stored as `layer:NAME`. `relu=false` keeps what speaks
    against the target as well.
    Selvaraju et al. 2016, arXiv:1610.02391.
    """

    name = "grad-cam"
    paper = "arXiv:1610.02391"
    known_as = (
        "cam", "gradient-cam", "class-activation-map", "class-activation-mapping",
        "activation-map", "heatmap",
    )  # fmt: skip

    def combine(self, maps: Array, slopes: Array) -> Array:
        """Return the weighted sum."""
        return np.asarray((mean_weights(slopes) * maps).sum(axis=-1))
