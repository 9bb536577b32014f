"""Draws the maps of volumes: the largest values along each axis, and slices over the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inputgrad_cli.interfaces.picture import MAX_SAMPLES, pictures
from inputgrad_cli.numeric.pooling_to_pixels import take_largest
from inputgrad_cli.rendering.volumes.slice_tiles import GAP, SIDE, Tile, build_tile
from inputgrad_cli.rendering.volumes.volume_video_base import Stack, StackMap


@pictures.register
@dataclass(frozen=True)
class Volume(StackMap):
    """The value of largest magnitude along each axis, and 16 slices over the grey input."""

    name = "volume"
    help = "projections and slices"
    subjects = "volumes"
    max_samples = MAX_SAMPLES

    def build_summaries(self, stack: Stack) -> Sequence[Tile]:
        """Return the projections of the map along each axis, over the mean of the input."""
        return [
            build_tile(
                f"largest over axis {axis}" + (", slices" if axis == 0 else ""),
                take_largest(stack.values, axis),
                None if stack.grey is None else stack.grey.mean(axis=axis),
                (self.chart_height, 2 * SIDE + GAP),
            )
            for axis in range(3)
        ]
