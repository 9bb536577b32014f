"""Draws small maps side by side, each over the grey input, and a chart of their magnitudes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.numeric.pooling_to_pixels import pool_largest, pool_mean, stretch
from inputgrad_cli.rendering.canvas import LINE, QUIET_INK, TICK, TICK_SIZE, Canvas
from inputgrad_cli.rendering.colour_bar import ColourBar
from inputgrad_cli.rendering.colour_maps import NAN_COLOUR, Pixels, to_colours
from inputgrad_cli.rendering.colour_scale import normalize
from inputgrad_cli.rendering.series.axis_ticks import choose_ticks

SIDE, GAP, LABEL_HEIGHT = 112, 8, 15  # of a tile, between tiles, and above each
PER_ROW = 8
BAR_GREY, STRONGEST = (150, 150, 150), (17, 17, 17)  # of the chart
MIN_MAGNITUDE = 1e-300  # keeps an empty chart from a division by zero


@dataclass(frozen=True)
class Tile:
    """A map (h, w) in the pixels of the picture, and the input below it in 0..255, or None."""

    label: str
    heat: Floats
    grey: Floats | None


def build_tile(label: str, values: Array, grey: Array | None, box: tuple[int, int]) -> Tile:
    """Return the tile of a map (H, W) that fills a box (height, width) as far as its sides do."""
    factor = min(box[0] / values.shape[0], box[1] / values.shape[1])
    height, width = (max(1, int(side * factor + 0.5)) for side in values.shape)
    return fit_tile(label, values, grey, (height, width))


def fit_tile(label: str, values: Array, grey: Array | None, size: tuple[int, int]) -> Tile:
    """Return the tile of a map (H, W) in a size (height, width).

    Where a map has more values than pixels, the value farthest from zero is kept.
    """
    heat = pool_largest(pool_largest(values, size[0], 0), size[1], 1)
    below = None
    if grey is not None:
        below = pool_mean(pool_mean(grey, size[0], 0), size[1], 1)
        below = stretch(stretch(below, size[0], 0), size[1], 1)
    return Tile(label, stretch(stretch(heat, size[0], 0), size[1], 1), below)


def scale_to_grey(values: Array) -> Floats:
    """Return an input as 0..255, from its lowest to its highest value; what is lost is black."""
    finite = values[np.isfinite(values)].astype(np.float64)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    share = (np.where(np.isfinite(values), values, low) - low) / ((high - low) or 1.0)
    return np.asarray(share * 255.0)


def paint_map(heat: Floats, grey: Floats | None, bar: ColourBar, alpha: float) -> Pixels:
    """Return a map (h, w) in colours, (h, w, 3), over the grey input if there is one."""
    colours = to_colours(normalize(heat[np.newaxis], [bar.scale])[0], bar.cmap)
    if grey is None:
        return colours
    mixed = alpha * colours + (1.0 - alpha) * grey[..., np.newaxis]
    mixed[np.isnan(heat)] = NAN_COLOUR  # pure, so that it is not taken for a value
    return np.rint(mixed).astype(np.uint8)


def draw_tile(
    canvas: Canvas, point: tuple[int, int], tile: Tile, bar: ColourBar, alpha: float
) -> None:
    """Draw a tile with its label above it, its upper left corner at a point."""
    left, top = point
    canvas.write((left, top), tile.label, TICK_SIZE, colour=QUIET_INK)
    pixels = paint_map(tile.heat, tile.grey, bar, alpha)
    canvas.draw_pixels((left, top + LABEL_HEIGHT), pixels)


def choose_slices(magnitudes: Array, count: int) -> list[int]:
    """Return at most `count` indices in order: half are the strongest, the others evenly spaced."""
    if len(magnitudes) <= count:
        return list(range(len(magnitudes)))
    chosen = set(rank_slices(magnitudes)[: count // 2].tolist())
    rest = np.setdiff1d(np.arange(len(magnitudes)), list(chosen))
    spaced = np.linspace(0, len(rest) - 1, count - len(chosen)).round().astype(int)
    return sorted(chosen.union(rest[spaced].tolist()))


def find_strongest(magnitudes: Array) -> int:
    """Return the index of the largest magnitude; what is not a number comes first."""
    return int(rank_slices(magnitudes)[0])


def rank_slices(magnitudes: Array) -> NDArray[np.intp]:
    """Return all indices, those of the largest magnitudes first, of equal ones in their order."""
    sizes = np.where(np.isfinite(magnitudes), magnitudes, np.inf)
    return np.argsort(-sizes, kind="stable")


def measure_slices(values: Array) -> Floats:
    """Return the mean magnitude of each slice of a map (D, H, W), NaN if one value is lost."""
    with np.errstate(over="ignore"):
        means = np.abs(values).mean(axis=(1, 2), dtype=np.float64)
    return np.where(np.isfinite(means), means, np.nan)


def draw_chart(canvas: Canvas, box: tuple[int, int, int, int], magnitudes: Array) -> None:
    """Draw a bar for each slice above an axis of indices, the strongest in black.

    `box` are left, top, right and bottom of the bars; the ticks stand below it.
    """
    left, top, right, bottom = box
    width, height, length = right - left, bottom - top, len(magnitudes)
    bars = stretch(pool_largest(magnitudes, width), width)
    strongest = stretch(pool_largest(np.arange(length) == find_strongest(magnitudes), width), width)
    largest = np.nanmax(magnitudes, initial=MIN_MAGNITUDE)
    heights = np.where(np.isnan(bars), height, np.nan_to_num(bars) / largest * height)
    is_bar = np.arange(height)[::-1, np.newaxis] < np.rint(heights)
    colours = np.where(strongest[:, np.newaxis] > 0, STRONGEST, BAR_GREY)
    colours = np.where(np.isnan(bars)[:, np.newaxis], NAN_COLOUR, colours)
    pixels = np.where(is_bar[..., np.newaxis], colours, 255).astype(np.uint8)
    canvas.draw_pixels((left, top), pixels)
    canvas.draw_line((left, bottom, right - 1, bottom), LINE)
    for tick in choose_ticks(0, length - 1, max(2, width // 60), least_step=1.0):
        x = left + (tick + 0.5) / length * width
        canvas.draw_line((x, bottom, x, bottom + TICK), LINE)
        canvas.write((x, bottom + TICK + 2), f"{tick:.0f}", TICK_SIZE, colour=LINE, anchor="mt")


def measure_grid(tiles: Sequence[Tile]) -> int:
    """Return the height of rows of eight tiles, with their labels and the gaps below."""
    rows = -(-len(tiles) // PER_ROW)
    return rows * _measure_row(tiles)


def draw_grid(
    canvas: Canvas, point: tuple[int, int], tiles: Sequence[Tile], bar: ColourBar, alpha: float
) -> None:
    """Draw tiles in rows of eight, the upper left corner of the first at a point."""
    for index, tile in enumerate(tiles):
        row, column = divmod(index, PER_ROW)
        left = point[0] + column * (SIDE + GAP)
        top = point[1] + row * _measure_row(tiles)
        draw_tile(canvas, (left, top), tile, bar, alpha)


def _measure_row(tiles: Sequence[Tile]) -> int:
    return LABEL_HEIGHT + max(len(tile.heat) for tile in tiles) + GAP
