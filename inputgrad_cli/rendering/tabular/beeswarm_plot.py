"""Draws the summary of a table: a swarm of points for each column, and mean magnitudes."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.global_feature_importance import ColumnSummary
from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.rendering.canvas import (
    LINE,
    NAME_SIZE,
    NUMBER_SIZE,
    QUIET_INK,
    TICK_SIZE,
    Axis,
    Canvas,
    Colour,
)
from inputgrad_cli.rendering.colour_maps import Pixels, load_colour_table
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY
from inputgrad_cli.rendering.label_formatting import format_number
from inputgrad_cli.rendering.text_measuring import fit_name

WIDTH, HEAD, ROW_HEIGHT, FOOT = 792, 30, 37, 91
NAMES, SWARM_END = 212, 556  # right ends of the names and of the swarms
BARS, BARS_END = 590, 706  # of the bars of mean magnitudes
SWARM_HEIGHT = 14  # by which points stand above or below the middle of their row
BINS = 160  # of a swarm; the points of one stand above each other
MIN_LEVELS = 8  # points of a bin that fill the height; fewer stand closer to the middle
PERCENTILES = (5, 95)  # of the values of a column, at which the colours end
VALUES_CMAP = "cividis"  # even for every kind of colour sight, and unlike the colours of sides
BAR_COLOUR: Colour = (107, 107, 107)
POINT: Colour = (77, 77, 77)  # of points whose input is not known
RING: Colour = (119, 119, 119)  # of points whose input is a word or not a number
# Pixels of a point of 5 by 5 without its corners; those of a ring are its edge.
SIDE = range(-2, 3)
DISC = [(y, x) for y in SIDE for x in SIDE if abs(y) + abs(x) < 4]
EDGE = [(y, x) for y, x in DISC if abs(y) == 2 or abs(x) == 2]


@dataclass(frozen=True)
class SwarmColours:
    """The colours of points, (P, 3), and which of them are drawn as rings, (P,)."""

    colours: Pixels
    is_ring: Array


def draw_row_summary(summary: ColumnSummary, caption: Caption) -> bytes:
    """Return the PNG of a summary; `caption` is that of any of its rows."""
    rows = summary.points.shape[1]
    canvas = Canvas(WIDTH, HEAD + ROW_HEIGHT * rows + FOOT)
    canvas.write_title(_format_heading(summary, caption, rows))
    bottom = HEAD + ROW_HEIGHT * rows
    axis, bars = _build_axis(summary.points), _build_bar_axis(summary.magnitudes[:rows])
    for row in range(rows):
        y = HEAD + ROW_HEIGHT * (row + 0.5)
        name = fit_name(summary.names[row], None, NAMES - 16, NAME_SIZE)
        canvas.write((NAMES - 8, y), name, colour=LINE, anchor="rm")
        canvas.draw_line((NAMES, y, SWARM_END, y), (235, 235, 235))
        _draw_magnitude(canvas, bars, y, float(summary.magnitudes[row]))
    zero = axis.locate(0.0)
    canvas.draw_line((zero, HEAD, zero, bottom))
    pixels = canvas.to_pixels().copy()
    for row in range(rows):
        middle = HEAD + ROW_HEIGHT * row + ROW_HEIGHT // 2
        _draw_swarm(pixels, axis, middle, summary.points[:, row], summary.inputs[row])
    canvas.draw_pixels((0, 0), pixels)
    _draw_foot(canvas, axis, bars, bottom, summary, caption)
    text = {"kind": "summary", "method": caption.method, "rows": summary.row_count}
    return encode_png(canvas.to_pixels(), TEXT_KEY, json.dumps(text, sort_keys=True))


def _format_heading(summary: ColumnSummary, caption: Caption, rows: int) -> str:
    others = len(summary.names) - rows
    tail = f"; {others:,} other columns" if others else ""
    points = len(summary.points)
    note = f", {points:,} as points" if points < summary.row_count else ""
    # Of a classifier, `auto` is another class in each row, and "for" means that class.
    each = " of each row" if caption.target == "auto" else ""
    heading = f"{caption.method}: {summary.row_count:,} rows, target {caption.target}{each}"
    return f"{heading}{note}{tail}"


def _build_axis(points: Floats) -> Axis:
    finite = points[np.isfinite(points)]
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    return Axis(NAMES + 4, SWARM_END, low, high if high > low else low + 1.0)


def _build_bar_axis(magnitudes: Floats) -> Axis:
    finite = magnitudes[np.isfinite(magnitudes)]
    return Axis(BARS, BARS_END, 0.0, float(finite.max(initial=0.0)) or 1.0)


def _draw_magnitude(canvas: Canvas, axis: Axis, y: float, value: float) -> None:
    end = axis.locate(value if np.isfinite(value) else 0.0)
    if end > axis.left:
        canvas.fill_box((axis.left, y - 9, end, y + 8), BAR_COLOUR)
    canvas.write((end + 5, y), format_number(value), NUMBER_SIZE, anchor="lm")


def _draw_swarm(
    pixels: Pixels, axis: Axis, middle: int, points: Floats, values: Array | None
) -> None:
    """Draw the points of one column around the line `middle`, in the order of the file."""
    is_finite = np.isfinite(points)
    shown = points[is_finite]
    if not len(shown):
        return
    span = (axis.high - axis.low) or 1.0
    xs = np.rint(axis.left + (shown - axis.low) / span * (axis.right - axis.left)).astype(int)
    ys = np.rint(middle - SWARM_HEIGHT * compute_offsets(shown)).astype(int)
    known = choose_point_colours(values, len(points))
    colours, is_ring = known.colours[is_finite], known.is_ring[is_finite]
    for y, x in DISC:
        solid = ~is_ring
        pixels[ys[solid] + y, xs[solid] + x] = colours[solid]
    for y, x in EDGE:
        pixels[ys[is_ring] + y, xs[is_ring] + x] = colours[is_ring]


def compute_offsets(points: Floats) -> Floats:
    """Return offsets in -1..1, so that the k-th point of a bin stands k steps up or down.

    Nothing is drawn at random: points are taken in the order of the file.
    """
    low, high = points.min(), points.max()
    share = (points - low) / ((high - low) or 1.0)
    bins = np.minimum((share * BINS).astype(int), BINS - 1)
    order = np.argsort(bins, kind="stable")
    first = np.flatnonzero(np.diff(bins[order], prepend=-1))
    rank = np.arange(len(points)) - np.repeat(first, np.diff(first, append=len(points)))
    steps = np.empty(len(points))
    steps[order] = np.ceil(rank / 2) * np.where(rank % 2, 1, -1)
    return np.asarray(steps / max(MIN_LEVELS, float(np.abs(steps).max())))


def choose_point_colours(values: Array | None, count: int) -> SwarmColours:
    """Return the colours of points by the values of their input, low to high."""
    if values is None:
        return SwarmColours(_repeat(POINT, count), np.zeros(count, bool))
    if values.dtype.kind not in "biuf":
        return SwarmColours(_repeat(RING, count), np.ones(count, bool))
    numbers = values.astype(np.float64)
    is_finite = np.isfinite(numbers)
    share = np.full(count, 0.5)  # of a constant input
    if is_finite.any():
        low, high = np.percentile(numbers[is_finite], PERCENTILES)
        if high > low:
            share = np.clip((np.where(is_finite, numbers, low) - low) / (high - low), 0, 1)
    colours = load_colour_table(VALUES_CMAP)[np.rint(share * 255).astype(int)]
    return SwarmColours(np.where(is_finite[:, np.newaxis], colours, RING), ~is_finite)


def _repeat(colour: Colour, count: int) -> Pixels:
    return np.tile(np.array(colour, np.uint8), (count, 1))


def _draw_foot(
    canvas: Canvas,
    axis: Axis,
    bars: Axis,
    bottom: int,
    summary: ColumnSummary,
    caption: Caption,
) -> None:
    """Draw both axes with their legends, and what the colours of the points mean."""
    canvas.draw_axis(axis, bottom)
    middle = (axis.left + axis.right) / 2
    sides = caption.sides if axis.is_two_sided else ()
    canvas.draw_legend(middle, bottom + 24, caption.quantity, sides=sides)
    canvas.draw_axis(bars, bottom)
    middle = (bars.left + bars.right) / 2
    canvas.write((middle, bottom + 24), "mean magnitude", NUMBER_SIZE, anchor="mt")
    if all(values is None for values in summary.inputs):
        return
    left, top = NAMES + 90, bottom + 62
    table = load_colour_table(VALUES_CMAP)
    canvas.write(
        (left - 8, top), "value of the input: low", TICK_SIZE, colour=QUIET_INK, anchor="rm"
    )
    canvas.draw_colours((left, top - 6, left + 120, top + 6), table)
    tail = "high;  ring: a word, or not a number"
    has_rings = any(
        choose_point_colours(v, len(summary.points)).is_ring.any() for v in summary.inputs
    )
    text = tail if has_rings else "high"
    canvas.write((left + 128, top), text, TICK_SIZE, colour=QUIET_INK, anchor="lm")
