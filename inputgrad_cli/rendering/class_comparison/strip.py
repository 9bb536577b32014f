"""Draws the maps of the classes of largest score side by side, on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import class_pictures
from inputgrad_cli.rendering.class_comparison.top_class_selection import format_heading
from inputgrad_cli.rendering.images.grid import encode_grid
from inputgrad_cli.rendering.images.grid_tile_compositing import (
    build_input_tiles,
    build_tile_layers,
)
from inputgrad_cli.rendering.images.image_picture_base import ImageMap, describe_layers
from inputgrad_cli.rendering.images.map_compositing import ImageLayers
from inputgrad_cli.rendering.images.named_tiles import Tile, TileBar, draw_tiles, reduce_pixels


@class_pictures.register
@dataclass(frozen=True)
class ClassStrip(ImageMap):
    """The input, and the maps of at most eight classes, with one colour bar for all."""

    name = "class-strip"
    help = "the classes of largest score"

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the strip of each source, with the largest score on the left."""
        return [self._draw_strip(source, style) for source in sources]

    def _draw_strip(self, source: MapSource, style: Style) -> Drawing:
        scale = self.choose_scale(source, style)
        layers = [build_tile_layers(part, style, scale) for part in source.split_classes()]
        tiles = [*build_input_tiles(layers), *(_build_class_tile(each) for each in layers)]
        bar = TileBar(scale, layers[0].cmap, layers[0].bar, layers[0].caption.sides)
        title = format_heading(source.caption)
        hidden = source.classes.hidden if source.classes else 0
        words = [layers[0].bar, "one scale for all classes"]
        words += [f"{hidden} classes not shown"] if hidden else []
        pixels = draw_tiles(title, [tiles], "; ".join(words), bar)
        png = encode_grid(pixels, self.name, [describe_layers(each, style) for each in layers])
        return Drawing(png, scale, all(each.flat for each in layers))

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale that covers the maps of all classes that are shown."""
        scales = [super(ClassStrip, self).find_scale(s, style) for s in source.split_classes()]
        return replace(scales[0], limit=max(scale.limit for scale in scales))


def _build_class_tile(layers: ImageLayers) -> Tile:
    caption = layers.caption
    return Tile(reduce_pixels(layers.mixed), (caption.format_class(), caption.format_score()))
