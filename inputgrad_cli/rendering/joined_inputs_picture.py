"""Draws all inputs of a map in one picture, one below the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.pictures.caption import PERCENT
from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import InputPart, MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.data.prediction_text import format_percent
from inputgrad_cli.interfaces.picture import MAX_SAMPLES, Picture, choose_picture, pictures
from inputgrad_cli.rendering.canvas import MARGIN, NAME_SIZE, NUMBER_SIZE, QUIET_INK, Canvas, Colour
from inputgrad_cli.rendering.colour_maps import Pixels, load_colour_table
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.contact_sheet import decode_png
from inputgrad_cli.rendering.images.grid_tile_compositing import (
    build_bar,
    build_input_tiles,
    build_tile_layers,
)
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY, ImageMap
from inputgrad_cli.rendering.images.named_tiles import (
    TITLE_HEIGHT,
    Tile,
    draw_tiles,
    reduce_pixels,
)
from inputgrad_cli.rendering.text_measuring import fit_text

MIN_WIDTH = 480  # of the picture, or its title could not be read
HEADER_HEIGHT, STRIP_HEIGHT, SWATCH = 28, 6, 10
LINE_HEIGHT = 18  # of the second line of the title
GROUND: Colour = (238, 238, 238)  # of headers
# The sequence of colours of inputs. It has neither the red nor the blue of maps.
SHARE_MAP, FIRST_SHARE, LAST_SHARE = "viridis", 60, 230


@pictures.register
@dataclass(frozen=True)
class InputParts(Picture):
    """The inputs of a model in its order, each as its own kind of picture on its own scale."""

    name = "inputs"
    help = "all inputs of a model in one picture, with their shares"
    subjects = "inputs of several kinds"
    max_samples = MAX_SAMPLES
    joins_inputs = True

    def supports(self, layout: MapLayout) -> bool:
        """Return whether there is a map for each input."""
        return layout.has_parts

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the pictures, each with its caption and its parts in the text of the file."""
        return [self._draw_parts(source, style) for source in sources]

    def _draw_parts(self, source: MapSource, style: Style) -> Drawing:
        drawn = {part.name: _draw_part(part, style) for part in source.parts}
        pixels = join_parts(source, {name: part[0] for name, part in drawn.items() if part})
        scales = [part[1] for part in drawn.values() if part]
        text = {
            **vars(source.caption),
            "kind": self.name,
            "parts": [
                {"name": part.name, "share": part.share, "note": part.note} for part in source.parts
            ],
        }
        png = encode_png(pixels, TEXT_KEY, json.dumps(text, sort_keys=True))
        is_flat = all(part[2] for part in drawn.values() if part)
        return Drawing(png, scales[0] if scales else Scale(0.0, True), is_flat)

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale that covers the maps of all inputs."""
        own = get_part_style(style)
        scales = [
            choose_picture(own, part.source.layout).find_scale(part.source, own)
            for part in source.parts
            if part.source is not None
        ]
        limit = max((scale.limit for scale in scales), default=0.0)
        return Scale(limit, any(scale.signed for scale in scales))

    def refuse_large(self, source: MapSource, style: Style) -> None:
        """Raise ItemError if the picture of an input would be too large for memory."""
        own = get_part_style(style)
        for part in source.parts:
            if part.source is not None:
                choose_picture(own, part.source.layout).refuse_large(part.source, own)


def get_part_style(style: Style) -> Style:
    """Return the style of the picture of one input, whose kind is that of its subject."""
    return replace(style, kind=Style().kind)


def _draw_part(part: InputPart, style: Style) -> tuple[Pixels, Scale, bool] | None:
    """Return the picture of one input, its scale, and whether its map is zero everywhere."""
    if part.source is None:
        return None
    own = part.source.fix_scale(get_part_style(style))
    picture = choose_picture(own, part.source.layout)
    if isinstance(picture, ImageMap):
        return _draw_image(picture, part.source, own)
    # The title is above all parts.
    untitled = replace(part.source, caption=replace(part.source.caption, is_titled=False))
    (drawing,) = picture.draw([untitled], own)
    return decode_png(drawing.png), drawing.scale, drawing.flat


def _draw_image(picture: ImageMap, source: MapSource, style: Style) -> tuple[Pixels, Scale, bool]:
    """Return an image beside its map, which has a colour bar here, as it has no own scale."""
    layers = build_tile_layers(source, style, picture.choose_scale(source, style))
    word = "heatmap" if layers.backdrop is None else "overlay"
    tile = Tile(reduce_pixels(layers.mixed), (word,), build_bar(layers))
    pixels = draw_tiles("", [[*build_input_tiles([layers]), tile]])
    # The title is above all parts, so only a gap is left of its place.
    return pixels[TITLE_HEIGHT - MARGIN :], layers.scale, layers.flat


def join_parts(source: MapSource, drawn: dict[str, Pixels]) -> Pixels:
    """Return the pictures of the inputs (H, W, 3) by name as one, each below its header."""
    first, *others = source.caption.format_title().splitlines() or [""]
    has_shares = any(part.share is not None for part in source.parts)
    strip_height = STRIP_HEIGHT + MARGIN if has_shares else 0
    top = TITLE_HEIGHT + LINE_HEIGHT * len(others)
    height = top + strip_height + HEADER_HEIGHT * len(source.parts)
    width = max([MIN_WIDTH, *(pixels.shape[1] for pixels in drawn.values())])
    canvas = Canvas(width, height + sum(len(pixels) for pixels in drawn.values()))
    canvas.write_title(first)
    for index, line in enumerate(others):
        point = (MARGIN, TITLE_HEIGHT - 4 + index * LINE_HEIGHT)
        canvas.write(point, fit_text(line, width - 2 * MARGIN, NUMBER_SIZE), NUMBER_SIZE)
    colours = list_colours(len(source.parts))
    if has_shares:
        shares = [part.share or 0.0 for part in source.parts]
        strip = build_strip(shares, colours, width - 2 * MARGIN)
        canvas.draw_pixels((MARGIN, top), np.repeat(strip[np.newaxis], STRIP_HEIGHT, axis=0))
    top += strip_height
    for part, colour in zip(source.parts, colours, strict=True):
        _draw_header(canvas, part, top, None if part.share is None else colour)
        top += HEADER_HEIGHT
        if (pixels := drawn.get(part.name)) is not None:
            canvas.draw_pixels((0, top), pixels)
            top += len(pixels)
    return canvas.to_pixels()


def list_colours(count: int) -> Pixels:
    """Return a colour for each input, (count, 3)."""
    positions = np.linspace(FIRST_SHARE, LAST_SHARE, count).astype(int)
    return np.asarray(load_colour_table(SHARE_MAP)[positions])


def build_strip(shares: Sequence[float], colours: Pixels, width: int) -> Pixels:
    """Return a row of pixels (width, 3) in which each input has the length of its share."""
    ends = np.rint(np.cumsum(shares) * width).astype(int)
    owners = np.searchsorted(ends, np.arange(width), side="right")
    return np.asarray(colours[owners.clip(0, len(shares) - 1)])


def format_header(part: InputPart) -> str:
    """Return the line above an input: `image, 63.0 % of the magnitude`, or why it has no map."""
    if part.share is None:
        return ", ".join(filter(None, (part.name, part.note)))
    return f"{part.name}, {format_percent(part.share, unit=PERCENT)} of the magnitude"


def _draw_header(canvas: Canvas, part: InputPart, top: int, colour: Pixels | None) -> None:
    canvas.fill_box((0, top, canvas.width, top + HEADER_HEIGHT - 1), GROUND)
    left, middle = MARGIN, top + HEADER_HEIGHT // 2
    if colour is not None:
        red, green, blue = (int(level) for level in colour)
        box = (left, middle - SWATCH // 2, left + SWATCH - 1, middle + SWATCH // 2 - 1)
        canvas.fill_box(box, (red, green, blue))
        left += SWATCH + MARGIN
    text = fit_text(format_header(part), canvas.width - left - MARGIN, NAME_SIZE)
    if part.note:
        canvas.write((left, middle), text, NAME_SIZE, colour=QUIET_INK, anchor="lm")
    else:
        canvas.write((left, middle), text, NAME_SIZE, anchor="lm")
