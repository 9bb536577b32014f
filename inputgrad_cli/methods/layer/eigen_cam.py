"""The direction in which a layer's maps vary most."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.layer._base import CAM, as_cam, channels_last
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.registry import param


@methods.register
@dataclass(frozen=True)
class EigenCAM(CAM):
    """A layer's maps along their first singular vector: what stands out, whatever the target is.

    Values are A v with v the first right singular vector of A, (places, channels) and not centred,
    coarse as in grad-cam. v has no sign of its own; it is chosen so that the values sum to zero or
    more. Neither target nor gradients play a part.
    Muhammad and Yeasin 2020, arXiv:2008.00299.
    """

    name = "eigen-cam"
    paper = "arXiv:2008.00299"
    known_as = ("pca-cam",)

    relu: bool = param(False, "cut at zero")

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "the layer's maps along their first singular vector"

    @property
    def sign(self) -> str:
        """Return `either`: maps behind a ReLU have no value below zero there."""
        return "positive" if self.relu else "either"

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the projection, (B, ...) along the layer's spatial axes; one forward pass."""
        tap = self.tap(engine, case)
        maps, slopes = channels_last(engine.layer(case.inputs, None, tap), self.name)
        return as_cam(self, tap, self.combine(maps, slopes))

    def combine(self, maps: Array, slopes: Array) -> Array:
        """Return each sample's maps along its own first singular vector."""
        flat = maps.reshape(len(maps), -1, maps.shape[-1])
        # Of places and channels there are few of one or the other: the small square is solved.
        if flat.shape[1] >= flat.shape[2]:
            _, vectors = np.linalg.eigh(np.swapaxes(flat, 1, 2) @ flat)
            found = flat @ vectors[..., -1:]
        else:
            squares, vectors = np.linalg.eigh(flat @ np.swapaxes(flat, 1, 2))
            found = vectors[..., -1:] * np.sqrt(np.maximum(squares[:, -1], 0))[:, None, None]
        signs = np.where(found.sum(axis=(1, 2)) < 0, -1.0, 1.0)[:, None]
        return np.asarray((found[..., 0] * signs).reshape(maps.shape[:-1]))
