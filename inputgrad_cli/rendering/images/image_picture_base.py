"""What the pictures of images share: a map (H, W, C) is reduced, coloured and enlarged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import MAX_PIXELS, Scale, Style
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.picture import Picture
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.colour_scale import find_limits, is_signed, reduce_channels
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.map_compositing import ImageLayers, build_layers, get_zoom
from inputgrad_cli.schema.json_type_alias import JsonObject

TEXT_KEY = "inputgrad"


@dataclass(frozen=True)
class ImageMap(Picture):
    """The base of pictures that show a map as an image; `compose` makes their pixels.

    With `enlarged`, the pixels are enlarged by the zoom of the style: before they are composed if
    `at_drawn_size` is true, and otherwise when the file is written, which takes less time. With
    `shows_sizes`, absolute values are smoothed, because those of two signs cancel where they meet.
    """

    subjects = "picture inputs"
    enlarged: ClassVar[bool] = True
    at_drawn_size: ClassVar[bool] = False
    shows_sizes: ClassVar[bool] = False

    def compose(self, layers: ImageLayers, style: Style) -> Pixels:
        """Return the pixels of one picture, (H, W, 3)."""
        raise TypeError(f"{type(self).__name__} does not define compose()")

    def supports(self, layout: MapLayout) -> bool:
        """Return whether a map is (H, W, C) and that of an image."""
        return layout.subject == "image" and len(layout.shape) == 3 and all(layout.shape)

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawings, each with its caption and scale in the text chunk of the file.

        Maps are drawn together because small ones, drawn singly, spend most of their time in calls
        to NumPy and in waits for the GIL.
        """
        all_layers = build_layers(
            sources, style, at_drawn_size=self.at_drawn_size, sizes=self.shows_sizes
        )
        return [
            Drawing(self._encode(layers, style), layers.scale, layers.flat) for layers in all_layers
        ]

    def _encode(self, layers: ImageLayers, style: Style) -> bytes:
        """Return the PNG file of one picture."""
        pixels = self.compose(layers, style)
        zoom = layers.zoom if self.enlarged else 1
        text = json.dumps({"kind": self.name, **describe_layers(layers, style)}, sort_keys=True)
        noisy = zoom == 1 and self.enlarged
        return encode_png(pixels, TEXT_KEY, text, zoom, noisy)

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale of the reduced map, which ends at the percentile `style.clip`."""
        caption = source.caption
        reduction = style.reduce or caption.reduce
        flat = reduce_channels(source.values[np.newaxis], reduction, caption.copied)
        (limit,) = find_limits(flat, style.clip)
        return Scale(limit, is_signed(reduction, caption.sign))

    def refuse_large(self, source: MapSource, style: Style) -> None:
        """Raise ItemError if the enlarged picture would exceed `MAX_PIXELS`."""
        image = source.values if source.background is None else source.background
        height, width = image.shape[:2]
        factor = get_zoom(source, style)
        if height * width * factor**2 > MAX_PIXELS:
            raise ItemError(
                f"a picture of {width * factor}x{height * factor} pixels is too large",
                hint="take a smaller --zoom",
                kind="shape",
            )


def describe_layers(layers: ImageLayers, style: Style) -> JsonObject:
    """Return what the text in a PNG file says of a map in it."""
    return {
        **vars(layers.caption),
        "reduce": style.reduce or layers.caption.reduce,
        "bar": layers.bar,
        "cmap": layers.cmap,
        "clip": style.clip,
        "alpha": style.alpha,
        "scale": {"low": layers.scale.low, "high": layers.scale.limit},
    }
