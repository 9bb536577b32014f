"""Builds the layers of maps at the size of tiles, and the tiles of their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.rendering.images.map_compositing import ImageLayers, build_layers
from inputgrad_cli.rendering.images.named_tiles import Tile, TileBar, choose_factor, reduce_pixels

LOST_WORDS = " (green: not a number)"


def build_tile_layers(source: MapSource, style: Style, scale: Scale) -> ImageLayers:
    """Return the layers of one map at the size of a tile, on a scale that it shares."""
    image = source.values if source.background is None else source.background
    zoom = style.zoom or choose_factor(*image.shape[:2])
    shared = replace(style, zoom=zoom, limit=scale.limit, signed=scale.signed)
    return build_layers([source], shared, at_drawn_size=True)[0]


def build_input_tiles(layers: Sequence[ImageLayers]) -> list[Tile]:
    """Return a tile of each input that lies below a map."""
    below = {each.caption.over: each for each in reversed(layers) if each.backdrop is not None}
    return [
        Tile(reduce_pixels(each.backdrop), (each.caption.format_input_title(),))
        for each in reversed(below.values())
        if each.backdrop is not None
    ]


def build_bar(layers: ImageLayers) -> TileBar:
    """Return the colour bar of a map, which names the colour of what is not a number."""
    words = layers.bar + (LOST_WORDS if layers.nonfinite.any() else "")
    return TileBar(layers.scale, layers.cmap, words, layers.caption.sides)
