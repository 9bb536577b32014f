"""The projection of a layer's maps on their first singular vector."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods.layer._base import CAM, to_cam_result, to_channels_last
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.registry import declare_parameter


@methods.register
@dataclass(frozen=True)
class EigenCAM(CAM):
    """Projection of a layer's maps on their first singular vector, independent of the target.

    Values are A v with v the first right singular vector of A, (positions, channels) and not
    centred, coarse as in grad-cam. The sign of v is arbitrary; it is chosen so that the values sum
    to zero or more. Neither target nor gradients are used.
    Muhammad and Yeasin 2020, arXiv:2008.00299.
    """

    name = "eigen-cam"
    paper = "arXiv:2008.00299"
    aliases = ("pca-cam",)

    relu: bool = declare_parameter(False, "keep positive values only")

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "the layer's maps along their first singular vector"

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the projection, (B, ...) with the spatial axes of the layer."""
        tap = self.find_tap(engine, batch)
        # Without a target the layer is read alone, and the backward pass is saved.
        maps, gradients = to_channels_last(engine.compute_layer(batch.inputs, None, tap), self.name)
        return to_cam_result(self, tap, self.combine(maps, gradients))

    def combine(self, maps: Array, gradients: Array) -> Array:
        """Project the maps of each sample on its first singular vector."""
        flat = maps.reshape(len(maps), -1, maps.shape[-1])
        # The singular vectors are those of the smaller of A^T A and A A^T.
        if flat.shape[1] >= flat.shape[2]:
            _, vectors = np.linalg.eigh(np.swapaxes(flat, 1, 2) @ flat)
            projection = flat @ vectors[..., -1:]
        else:
            # Maps of zeros have an eigenvalue of zero, which rounding may leave slightly below.
            squares, vectors = np.linalg.eigh(flat @ np.swapaxes(flat, 1, 2))
            projection = vectors[..., -1:] * np.sqrt(np.maximum(squares[:, -1], 0))[:, None, None]
        signs = np.where(projection.sum(axis=(1, 2)) < 0, -1.0, 1.0)[:, None]
        return np.asarray((projection[..., 0] * signs).reshape(maps.shape[:-1]))
