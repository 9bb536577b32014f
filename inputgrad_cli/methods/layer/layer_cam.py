"""Maps times their positive gradients, at each position."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.layer._base import CAM
from inputgrad_cli.numeric.array_helpers import Array


@methods.register
@dataclass(frozen=True)
class LayerCAM(CAM):
    """Sum over channels of a layer's maps times their positive gradients, also for earlier layers.

    Values are relu(sum_k relu(d score / d A_k) * A_k), coarse as in grad-cam.
    Jiang et al. 2021, doi:10.1109/TIP.2021.3089943.
    """

    name = "layer-cam"
    paper = "doi:10.1109/TIP.2021.3089943"
    unclipped_variant = "grad-cam:relu=false"

    def combine(self, maps: Array, gradients: Array) -> Array:
        """Return the sum of products."""
        return np.asarray((np.maximum(gradients, 0) * maps).sum(axis=-1))
