"""Draws all maps of an item in one picture, each beside the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import class_pictures, pictures
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

MAX_COLUMNS = 5
ScaleKey = tuple[str, str, str, str]  # what maps of one method have in common


@class_pictures.register
@pictures.register
@dataclass(frozen=True)
class Grid(ImageMap):
    """The input and the maps of an item by all methods and for all targets, one tile each."""

    name = "grid"
    help = "input and all maps of an item in one picture"
    per_item = True

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return a picture of each source alone."""
        return [self.draw_together([source], style) for source in sources]

    def draw_together(self, sources: Sequence[MapSource], style: Style) -> Drawing:
        """Return one picture of all sources, which are the maps of one sample.

        Maps of one method have one scale. The inputs come first.
        """
        sources = [part for source in sources for part in source.split_classes()]
        scales = self.find_scales(sources, style)
        layers = [
            build_tile_layers(source, style, scales[get_scale_key(source.caption)])
            for source in sources
        ]
        inputs = build_input_tiles(layers)
        rows = arrange_tiles(inputs, layers)
        pixels = draw_tiles(sources[0].caption.item, rows)
        words = [describe_layers(each, style) for each in layers]
        png = encode_grid(pixels, self.name, words)
        return Drawing(png, layers[0].scale, all(each.flat for each in layers))

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale that covers the map, and those of all classes that are shown."""
        scales = [super(Grid, self).find_scale(part, style) for part in source.split_classes()]
        return replace(scales[0], limit=max(scale.limit for scale in scales))

    def find_scales(self, sources: Sequence[MapSource], style: Style) -> dict[ScaleKey, Scale]:
        """Return the scale of each method, which covers all of its maps."""
        scales: dict[ScaleKey, Scale] = {}
        for source in sources:
            key, scale = get_scale_key(source.caption), self.find_scale(source, style)
            limit = max(scale.limit, scales[key].limit if key in scales else 0.0)
            scales[key] = replace(scale, limit=limit)
        return scales


def get_scale_key(caption: Caption) -> ScaleKey:
    """Return what captions must have in common for their maps to share a scale."""
    return caption.method, caption.quantity, caption.sign, caption.reduce


def build_map_tile(layers: ImageLayers) -> Tile:
    """Return the tile of one map: blended with its input, named, with its colour bar."""
    caption = layers.caption
    method = f"{caption.method} at {caption.site}" if caption.is_layer else caption.method
    bar = build_bar(layers)
    lines = (method, caption.format_class(), caption.format_score())
    return Tile(reduce_pixels(layers.mixed), tuple(line for line in lines if line), bar)


def arrange_tiles(inputs: Sequence[Tile], layers: Sequence[ImageLayers]) -> list[list[Tile | None]]:
    """Return rows of tiles: a row for each method if there are several with several maps each."""
    groups: dict[str, list[Tile]] = {}
    for each in layers:
        groups.setdefault(each.caption.method, []).append(build_map_tile(each))
    longest = max(len(group) for group in groups.values())
    if len(groups) > 1 and 1 < longest <= MAX_COLUMNS:
        rows: list[list[Tile | None]] = [[*inputs]]
        rows += [[None] * len(inputs) for _ in range(len(groups) - 1)]
        return [[*row, *group] for row, group in zip(rows, groups.values(), strict=True)]
    tiles = [*inputs, *(tile for group in groups.values() for tile in group)]
    columns = -(-len(tiles) // -(-len(tiles) // MAX_COLUMNS))  # rows of about one length
    return [list(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]


def encode_grid(pixels: Pixels, kind: str, words: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the PNG file; its text describes each map, and a single one as other kinds do."""
    single = dict(words[0]) if len(words) == 1 else {}
    text = {**single, "kind": kind, "tiles": list(words)}
    return encode_png(pixels, TEXT_KEY, json.dumps(text, sort_keys=True))
