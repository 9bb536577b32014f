"""Draws the maps of signals and sounds: curves of the input, with a strip of colours below each.

A long signal loses no peak: a column of pixels shows the lowest and the highest value of its
samples, and the attribution that is farthest from zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import MAX_SAMPLES, Picture, pictures
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.curve_rasterization import cover_pixels, trace_columns
from inputgrad_cli.rendering.canvas import (
    LINE,
    MARGIN,
    QUIET_INK,
    TICK,
    TICK_SIZE,
    TITLE_SIZE,
    Axis,
    Canvas,
)
from inputgrad_cli.rendering.colour_bar import (
    ColourBar,
    build_scale,
    draw_colour_bar,
    forget_limits,
)
from inputgrad_cli.rendering.colour_maps import Pixels, to_colours
from inputgrad_cli.rendering.colour_scale import normalize
from inputgrad_cli.rendering.label_formatting import format_number
from inputgrad_cli.rendering.png_with_metadata import encode_picture
from inputgrad_cli.rendering.series.axis_ticks import choose_ticks
from inputgrad_cli.rendering.series.signal_lane_data import Lane, Lanes, build_lanes
from inputgrad_cli.rendering.text_measuring import fit_text, measure_text

WIDTH, LEFT, PLOT_WIDTH = 902, 84, 800  # of the picture; of the curves and strips
TOP, BOTTOM = 34, 65  # of the title; of the axis and the colour bar
NAME_HEIGHT, CURVE_HEIGHT, STRIP_HEIGHT = 15, 65, 13
CURVE_GAP, LANE_GAP = 3, 9  # between curve and strip; between lanes
CURVE_GREY = 77
ENDS = (LEFT, LEFT + PLOT_WIDTH)  # of the axis
INSET = 3  # pixels that a curve keeps from the edges of its part
AXIS_HEIGHT = 27  # from the axis line to the colour bar


@pictures.register
@dataclass(frozen=True)
class Signal(Picture):
    """Each channel as a curve, and below it the map in colours, over steps or seconds."""

    name = "signal"
    help = "curves with the map below"
    subjects = "signals"
    max_samples = MAX_SAMPLES
    unit: ClassVar[str] = "step"  # of the axis if the sample rate is unknown

    def supports(self, layout: MapLayout) -> bool:
        """Return whether a map (T, ...) is that of a signal or sound."""
        return layout.subject in ("signal", "sound") and bool(layout.shape) and all(layout.shape)

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawings, each with its caption and scale in the text chunk of the file."""
        return [self._draw_signal(source, style) for source in sources]

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale of the strips, whatever the style's own limit."""
        lanes, own = build_lanes(source, style.reduce, PLOT_WIDTH), forget_limits(style)
        return build_scale(lanes.strips, own, lanes.reduction, source.caption.sign)

    def _draw_signal(self, source: MapSource, style: Style) -> Drawing:
        lanes = build_lanes(source, style.reduce, PLOT_WIDTH)
        scale = build_scale(lanes.strips, style, lanes.reduction, source.caption.sign)
        flat = not (np.abs(source.values) > 0).any()
        has_nan = any(np.isnan(strip).any() for strip in lanes.strips)
        cmap = style.get_colour_map(scale.signed)
        bar = ColourBar(
            scale, cmap, lanes.units, has_nan, flat and not has_nan, source.caption.sides
        )
        pixels = draw_lanes(source, lanes, bar, self.unit)
        facts = {"kind": self.name, "reduce": style.reduce, "hidden": lanes.hidden}
        return Drawing(encode_picture(pixels, source.caption, style, bar, facts), scale, flat)


def draw_lanes(source: MapSource, lanes: Lanes, bar: ColourBar, unit: str) -> Pixels:
    """Return the picture (H, W, 3) of a signal."""
    height = TOP + BOTTOM + sum(_get_height(lane) for lane in lanes.lanes)
    canvas = Canvas(WIDTH, height)
    _write_title(canvas, source.caption.format_line(), lanes.hidden)
    top = TOP
    for lane in lanes.lanes:
        _draw_lane(canvas, top, lane, bar)
        top += _get_height(lane)
    if rate := source.view.rate:
        _draw_axis(canvas, top - LANE_GAP + 4, Axis(*ENDS, 0.0, lanes.length / rate), "seconds")
    else:  # a step is drawn at the centre of its cell
        _draw_axis(canvas, top - LANE_GAP + 4, Axis(*ENDS, -0.5, lanes.length - 0.5), unit)
    draw_colour_bar(canvas, LEFT + PLOT_WIDTH // 2, top + AXIS_HEIGHT - 4, bar)
    return canvas.to_pixels()


def _get_height(lane: Lane) -> int:
    curve = CURVE_HEIGHT if lane.curve is not None else 0
    strip = STRIP_HEIGHT if lane.strip is not None else 0
    return NAME_HEIGHT + curve + (CURVE_GAP if curve and strip else 0) + strip + LANE_GAP


def _write_title(canvas: Canvas, title: str, hidden: int) -> None:
    note = f"({hidden} channels of smaller sum not shown)" if hidden else ""
    room = canvas.width - 3 * MARGIN - measure_text(note, TICK_SIZE)
    canvas.write((MARGIN, 7), fit_text(title, room, TITLE_SIZE), TITLE_SIZE)
    canvas.write((canvas.width - MARGIN, 9), note, TICK_SIZE, colour=QUIET_INK, anchor="ra")


def _draw_lane(canvas: Canvas, top: int, lane: Lane, bar: ColourBar) -> None:
    """Draw one lane: its name, its curve with the ends of its scale, and its strip."""
    y = top + NAME_HEIGHT
    if lane.curve is not None:
        low, high = _find_range(lane.curve)
        canvas.draw_pixels((LEFT, y), draw_curve(lane.curve, (low, high)))
        bounds = [(y + INSET, high), (y + CURVE_HEIGHT - INSET, low)]
        for line, value in [(y + CURVE_HEIGHT // 2, high)] if low == high else bounds:
            text = format_number(value) if np.isfinite(value) else ""
            canvas.write((LEFT - TICK - 2, line), text, TICK_SIZE, colour=LINE, anchor="rm")
        y += CURVE_HEIGHT + CURVE_GAP
    canvas.write((LEFT, top), lane.label, TICK_SIZE, colour=QUIET_INK)
    if lane.strip is not None:
        positions = normalize(lane.strip[np.newaxis, np.newaxis], [bar.scale])[0, 0]
        colours = to_colours(positions, bar.cmap)
        box = (LEFT, y, LEFT + PLOT_WIDTH, y + STRIP_HEIGHT)
        canvas.draw_colours(box, colours)


def _find_range(curve: Array) -> tuple[float, float]:
    """Return the lowest and the highest finite value of a curve, NaN if there is none."""
    finite = curve[np.isfinite(curve)]
    return (float(finite.min()), float(finite.max())) if finite.size else (np.nan, np.nan)


def draw_curve(curve: Array, ends: tuple[float, float]) -> Pixels:
    """Return a curve (T,) as grey pixels on white, (H, W, 3); a constant one is a middle line."""
    low, high = trace_columns(curve, PLOT_WIDTH)
    span = ends[1] - ends[0]
    room = CURVE_HEIGHT - 2 * INSET if span else 0
    base = INSET + 0.5 * (CURVE_HEIGHT - 2 * INSET - room)
    upper = base + (ends[1] - high) / (span or 1.0) * room
    lower = base + (ends[1] - low) / (span or 1.0) * room
    share = cover_pixels(upper, lower, CURVE_HEIGHT)
    grey = np.rint(255 - share * (255 - CURVE_GREY)).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def _draw_axis(canvas: Canvas, y: int, axis: Axis, unit: str) -> None:
    """Draw the axis below the lanes, with ticks at whole numbers unless it is in seconds."""
    is_time = unit == "seconds"
    ticks = choose_ticks(max(axis.low, 0.0), axis.high, least_step=0.0 if is_time else 1.0)
    canvas.draw_axis(axis, y, ticks)
    canvas.write((LEFT - TICK - 8, y + TICK + 2), unit, TICK_SIZE, colour=QUIET_INK, anchor="rt")
