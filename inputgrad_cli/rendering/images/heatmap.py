"""Draws the maps of images alone."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.images.image_picture_base import ImageMap
from inputgrad_cli.rendering.images.map_compositing import ImageLayers


@pictures.register
@dataclass(frozen=True)
class Heatmap(ImageMap):
    """The map in the colours of its scale, without the image."""

    name = "heatmap"
    help = "the map alone"

    def compose(self, layers: ImageLayers, style: Style) -> Pixels:
        """Return the coloured map."""
        return layers.heat
