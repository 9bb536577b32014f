"""Draws panels of input, heatmap, overlay and colour bar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.grid_tile_compositing import (
    build_bar,
    build_input_tiles,
    build_tile_layers,
)
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY, ImageMap, describe_layers
from inputgrad_cli.rendering.images.map_compositing import ImageLayers
from inputgrad_cli.rendering.images.named_tiles import Tile, draw_tiles, reduce_pixels
from inputgrad_cli.rendering.label_formatting import shorten_name

MAX_ITEM = 44  # characters of a file's name in the title


@pictures.register
@dataclass(frozen=True)
class Panel(ImageMap):
    """A figure of the input, the heatmap and the overlay, with a title and a colour bar."""

    name = "panel"
    help = "both and the input"

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the panels, each with its caption and scale in the text chunk of the file."""
        return [self._draw_panel(source, style) for source in sources]

    def _draw_panel(self, source: MapSource, style: Style) -> Drawing:
        layers = build_tile_layers(source, style, self.choose_scale(source, style))
        text = {"kind": self.name, **describe_layers(layers, style)}
        png = encode_png(draw_panel(layers), TEXT_KEY, json.dumps(text, sort_keys=True))
        return Drawing(png, layers.scale, layers.flat)


def draw_panel(layers: ImageLayers) -> Pixels:
    """Return the figure, (H, W, 3); without an image it has only the heatmap."""
    tiles = [*build_input_tiles([layers]), Tile(reduce_pixels(layers.heat), ("heatmap",))]
    if layers.backdrop is not None:
        tiles.append(Tile(reduce_pixels(layers.mixed), ("overlay",)))
    caption = replace(layers.caption, item=shorten_name(layers.caption.item, MAX_ITEM))
    bar = build_bar(layers)
    return draw_tiles(caption.format_title(), [tiles], bar.words, bar)
