"""Maps weighted by the mean of their gradients."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.layer._base import CAM
from inputgrad_cli.numeric.array_helpers import Array


def average_gradients(gradients: Array) -> Array:
    """Average gradients over positions: (B, 1, ..., C) from (B, ..., C)."""
    return np.asarray(gradients.mean(axis=tuple(range(1, gradients.ndim - 1)), keepdims=True))


@methods.register
@dataclass(frozen=True)
class GradCAM(CAM):
    """Positive part of the sum of a layer's maps, each weighted by the mean of its gradients.

    Values are relu(sum_k w_k A_k) with w_k the mean of d score / d A_k over positions. The map is
    coarse: it has the layer's spatial axes, (B, ...), and is stored as `layer:NAME`. `relu=false`
    also keeps negative values, which count against the target.
    Selvaraju et al. 2016, arXiv:1610.02391.
    """

    name = "grad-cam"
    paper = "arXiv:1610.02391"
    aliases = (
        "cam", "gradient-cam", "class-activation-map", "class-activation-mapping",
        "activation-map", "heatmap",
    )  # fmt: skip

    def combine(self, maps: Array, gradients: Array) -> Array:
        """Return the weighted sum."""
        return np.asarray((average_gradients(gradients) * maps).sum(axis=-1))
