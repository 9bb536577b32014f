"""Lays pictures side by side on white paper, each with its name and its colour bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np

from inputgrad_cli.data.pictures.caption import SIDES
from inputgrad_cli.data.pictures.picture_style import Scale
from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.rendering.canvas import MARGIN, NAME_SIZE, NUMBER_SIZE, TICK_SIZE, Canvas
from inputgrad_cli.rendering.colour_maps import Pixels, load_colour_table
from inputgrad_cli.rendering.label_formatting import format_number
from inputgrad_cli.rendering.text_measuring import fit_text, measure_text

TILE_SIDE = 256  # of the longer side, to which small pictures are enlarged by a whole factor
MAX_SIDE = 320  # to which larger pictures are reduced
MIN_WIDTH = 224  # of a tile, or the words below a narrow picture could not be read
GAP = 16
WORDS_GAP = 6  # between a picture and its words
TITLE_HEIGHT, LINE_HEIGHT = 34, 18
MAX_TITLE_LINES = 3  # a record that was damaged may have thousands
BAR_HEIGHT = 10
BAR_DIGITS = 4  # of the numbers beside it
BAR_ROOM = 96  # for a bar on the right, with its numbers
UNIT_LINES = 3  # at most, below a colour bar


@dataclass(frozen=True)
class TileBar:
    """The scale of a tile, in the colours of a map, and what its values are.

    `sides` are words for values below zero and above it.
    """

    scale: Scale
    cmap: str
    words: str
    sides: tuple[str, str] = SIDES


@dataclass(frozen=True)
class Tile:
    """A picture (H, W, 3), the lines of text below it, the first in larger letters, and its bar."""

    pixels: Pixels
    lines: tuple[str, ...]
    bar: TileBar | None = None


def choose_factor(height: int, width: int) -> int:
    """Return the whole factor that enlarges a picture to a tile."""
    return max(1, TILE_SIDE // max(height, width))


def reduce_pixels(pixels: Pixels) -> Pixels:
    """Return pixels (H, W, 3) reduced to at most `MAX_SIDE`; each is the mean of what it covers."""
    from PIL import Image

    height, width = pixels.shape[:2]
    if max(height, width) <= MAX_SIDE:
        return pixels
    share = MAX_SIDE / max(height, width)
    size = max(1, round(width * share)), max(1, round(height * share))
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize(size, Image.Resampling.BOX))


def draw_tiles(
    title: str,
    rows: Sequence[Sequence[Tile | None]],
    footer: str = "",
    bar: TileBar | None = None,
) -> Pixels:
    """Return rows of tiles as a picture, (H, W, 3), with a title above and a line below.

    The title may have several lines. None leaves a tile empty. The colour bar of all tiles stands
    on the right.
    """
    first, *others = title.splitlines()[:MAX_TITLE_LINES] or [""]
    all_tiles = [tile for row in rows for tile in row if tile is not None]
    tile_width = max(MIN_WIDTH, *(tile.pixels.shape[1] for tile in all_tiles))
    heights = [_measure_row(row, tile_width) for row in rows]
    right = max(len(row) for row in rows) * (tile_width + GAP) + GAP
    width = right + (BAR_ROOM if bar else 0)
    top = TITLE_HEIGHT + LINE_HEIGHT * len(others)
    canvas = Canvas(width, top + sum(heights) + (LINE_HEIGHT + MARGIN if footer else 0))
    canvas.write_title(first)
    for index, line in enumerate(others):
        point = (MARGIN, TITLE_HEIGHT - 4 + index * LINE_HEIGHT)
        canvas.write(point, fit_text(line, width - 2 * MARGIN, NUMBER_SIZE), NUMBER_SIZE)
    if bar is not None:
        draw_upright_bar(
            canvas, bar, (right, top, right + BAR_HEIGHT, top + _measure_pictures(rows[0]))
        )
    for row, height in zip(rows, heights, strict=True):
        for index, tile in enumerate(row):
            if tile is not None:
                left = GAP + index * (tile_width + GAP)
                _draw_tile(canvas, tile, (left, top), (tile_width, _measure_pictures(row)))
        top += height
    if footer:
        canvas.write((GAP, top), fit_text(footer, width - 2 * GAP, NUMBER_SIZE), NUMBER_SIZE)
    return canvas.to_pixels()


def _measure_pictures(row: Sequence[Tile | None]) -> int:
    """Return the height of the highest picture of a row."""
    return max(len(tile.pixels) for tile in row if tile is not None)


def _measure_row(row: Sequence[Tile | None], width: int) -> int:
    """Return the height of a row of tiles with their words."""
    tiles = [tile for tile in row if tile is not None]
    words = [LINE_HEIGHT * len(tile.lines) + _measure_bar(tile.bar, width) for tile in tiles]
    return _measure_pictures(row) + WORDS_GAP + max(words) + GAP


def _measure_bar(bar: TileBar | None, width: int) -> int:
    if bar is None:
        return 0
    lines = 1 + bar.scale.signed + len(wrap_units(bar.words, width))
    return BAR_HEIGHT + 4 + LINE_HEIGHT * lines


def wrap_units(words: str, width: int) -> list[str]:
    """Return what values are in at most `UNIT_LINES` lines of this width in pixels."""
    letters = max(8, int(width / measure_text("n", TICK_SIZE)))
    lines = wrap(to_printable(words), letters)[:UNIT_LINES]
    return [fit_text(line, width, TICK_SIZE) for line in lines]


def _draw_tile(canvas: Canvas, tile: Tile, corner: tuple[int, int], size: tuple[int, int]) -> None:
    """Draw a tile at its corner; `size` is its width, and the height of the pictures of its row."""
    (left, top), (width, height) = corner, size
    canvas.draw_pixels((left + (width - tile.pixels.shape[1]) // 2, top), tile.pixels)
    top += height + WORDS_GAP
    for index, line in enumerate(tile.lines):
        letters = NUMBER_SIZE if index else NAME_SIZE
        canvas.write((left, top), fit_text(line, width, letters), letters)
        top += LINE_HEIGHT
    if tile.bar is not None:
        draw_bar(canvas, tile.bar, (left, top + 4), width)


def draw_bar(canvas: Canvas, bar: TileBar, corner: tuple[int, int], width: int) -> None:
    """Draw a colour bar with its ends, which side is for the target, and the units."""
    left, top = corner
    right = left + width
    canvas.draw_colours((left, top, right, top + BAR_HEIGHT), load_colour_table(bar.cmap))
    top += BAR_HEIGHT + 3
    canvas.write((left, top), format_number(bar.scale.low), TICK_SIZE)
    if bar.scale.signed:
        canvas.write(((left + right) // 2, top), format_number(0.0), TICK_SIZE, anchor="ma")
    canvas.write((right, top), format_number(bar.scale.limit), TICK_SIZE, anchor="ra")
    top += LINE_HEIGHT
    if bar.scale.signed:
        canvas.write((left, top), f"← {bar.sides[0]}", TICK_SIZE)
        canvas.write((right, top), f"{bar.sides[1]} →", TICK_SIZE, anchor="ra")
        top += LINE_HEIGHT
    for line in wrap_units(bar.words, width):
        canvas.write((left, top), line, TICK_SIZE)
        top += LINE_HEIGHT


def draw_upright_bar(canvas: Canvas, bar: TileBar, box: tuple[int, int, int, int]) -> None:
    """Draw a colour bar whose largest value is at the top, with its ends on the right."""
    left, top, right, bottom = box
    colours = load_colour_table(bar.cmap)[::-1]
    index = np.arange(bottom - top) * len(colours) // (bottom - top)
    canvas.draw_pixels((left, top), np.repeat(colours[index][:, np.newaxis], right - left, axis=1))
    middle = (top + bottom) // 2
    positions = {bar.scale.limit: (top, "la"), bar.scale.low: (bottom, "ls")}
    if bar.scale.signed:
        positions[0.0] = (middle, "lm")
        canvas.write((right + 5, top + LINE_HEIGHT), bar.sides[1], TICK_SIZE)
        canvas.write((right + 5, bottom - LINE_HEIGHT), bar.sides[0], TICK_SIZE, anchor="ls")
    for value, (y, anchor) in positions.items():
        text = format_number(value, digits=BAR_DIGITS)
        canvas.write((right + 5, y), text, TICK_SIZE, anchor=anchor)
