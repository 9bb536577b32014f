"""Draws maps over the images that the model saw."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.images.image_picture_base import ImageMap
from inputgrad_cli.rendering.images.map_compositing import ImageLayers


@pictures.register
@dataclass(frozen=True)
class Overlay(ImageMap):
    """The map over the grey image, so that only attributions have colour."""

    name = "overlay"
    help = "the map over the input"

    def compose(self, layers: ImageLayers, style: Style) -> Pixels:
        """Return the blended map; without a background it is the heatmap."""
        return layers.mixed
