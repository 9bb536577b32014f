"""Draws the part of an image where a map has its largest values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.images.image_picture_base import ImageMap
from inputgrad_cli.rendering.images.map_compositing import ImageLayers, mark_pixels, to_grey

DIM = 0.25  # brightness of what is left out


@pictures.register
@dataclass(frozen=True)
class Percentile(ImageMap):
    """The image where the map's absolute values are largest, and the rest dark and grey."""

    name = "percentile"
    help = "the input where values are largest (--keep), the rest dark"
    shows_sizes = True

    def compose(self, layers: ImageLayers, style: Style) -> Pixels:
        """Return the image; without a background, the coloured map is shown in its place."""
        image = layers.heat if layers.backdrop is None else layers.backdrop
        kept = select_largest(np.abs(layers.values), style.keep)
        pixels = np.where(kept[..., np.newaxis], image, to_grey(image, DIM))
        return mark_pixels(pixels, layers)


def select_largest(sizes: Array, percent: float) -> Array:
    """Return where the largest `percent` % of the sizes (H, W) are; NaN is not counted.

    Sizes equal to the smallest of them are also selected, and zeros never.
    """
    finite = sizes[np.isfinite(sizes)]
    count = math.ceil(percent / 100 * finite.size)
    if not count:
        return np.zeros(sizes.shape, bool)
    threshold = np.partition(finite, finite.size - count)[finite.size - count]
    return np.asarray((sizes >= threshold) & (sizes > 0))
