"""Draws maps as lines of equal value over the images that the model saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.rendering.colour_maps import Pixels, load_colour_table
from inputgrad_cli.rendering.images.image_picture_base import ImageMap
from inputgrad_cli.rendering.images.map_compositing import ImageLayers, mark_pixels
from inputgrad_cli.rendering.images.target_outline import trace_edge

LEVELS = (0.5, 0.75, 0.9)  # shares of the end of the scale
GROUND = 128  # grey, on which all colours of both default maps can be seen
LAST_COLOUR = 255  # of a table of 256


@pictures.register
@dataclass(frozen=True)
class Contours(ImageMap):
    """Lines around what reaches 50, 75 and 90 % of the scale, one pixel wide, over the image."""

    name = "contours"
    help = "lines at 50, 75, 90 % of the scale"
    at_drawn_size = True

    def compose(self, layers: ImageLayers, style: Style) -> Pixels:
        """Return the grey image with the lines; without a background they are drawn on grey."""
        pixels = np.full_like(layers.heat, GROUND) if layers.backdrop is None else layers.grey
        table = load_colour_table(layers.cmap)
        limit = layers.scale.limit
        for level in LEVELS if limit > 0 else ():
            for sign in (-1, 1) if layers.scale.signed else (1,):
                line = trace_edge(layers.values * sign >= level * limit)
                share = (1 + sign * level) / 2 if layers.scale.signed else level
                pixels[line] = table[round(share * LAST_COLOUR)]
        return mark_pixels(pixels, layers)
