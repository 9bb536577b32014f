"""Draws the maps of spectrograms over the grey input: time to the right, low bins at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import MAX_SAMPLES, Picture, pictures
from inputgrad_cli.rendering.canvas import LINE, MARGIN, QUIET_INK, TICK, TICK_SIZE, Axis, Canvas
from inputgrad_cli.rendering.colour_bar import (
    TOTAL_HEIGHT,
    ColourBar,
    build_scale,
    draw_colour_bar,
    forget_limits,
)
from inputgrad_cli.rendering.png_with_metadata import encode_picture
from inputgrad_cli.rendering.series.axis_ticks import choose_ticks
from inputgrad_cli.rendering.volumes.slice_tiles import Tile, fit_tile, paint_map
from inputgrad_cli.rendering.volumes.volume_video_base import Stack, build_stack

WIDTH, LEFT, TOP = 902, 84, 34  # of the picture; of the map
SIZE = (256, 800)  # height and width of the map
AXIS_HEIGHT = 30  # from the map to the colour bar
MAX_BIN_TICKS = 6


@pictures.register
@dataclass(frozen=True)
class Spectrogram(Picture):
    """The map over the grey input, with axes of frames and bins."""

    name = "spectrogram"
    help = "the map over frames and bins"
    subjects = "spectrograms"
    max_samples = MAX_SAMPLES

    def supports(self, layout: MapLayout) -> bool:
        """Return whether a map (frames, bins) or (frames, bins, C) is that of a spectrogram."""
        shape = layout.shape
        return layout.subject == "spectrogram" and len(shape) in (2, 3) and all(shape)

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawings, each with its caption and scale in the text chunk of the file."""
        return [self._draw_bins(source, style) for source in sources]

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale of the map, whatever the style's own limit."""
        stack = _build_stack(source, style)
        sign = source.caption.sign
        return build_scale([_turn(stack).heat], forget_limits(style), stack.reduction, sign)

    def _draw_bins(self, source: MapSource, style: Style) -> Drawing:
        stack = _build_stack(source, style)
        tile = _turn(stack)
        scale = build_scale([tile.heat], style, stack.reduction, source.caption.sign)
        flat = not (np.abs(source.values) > 0).any()
        has_nan = bool(np.isnan(tile.heat).any())
        cmap = style.get_colour_map(scale.signed)
        bar = ColourBar(
            scale, cmap, stack.units, has_nan, flat and not has_nan, source.caption.sides
        )
        bottom = TOP + SIZE[0]
        canvas = Canvas(WIDTH, bottom + AXIS_HEIGHT + TOTAL_HEIGHT)
        canvas.write_title(stack.title)
        canvas.draw_pixels((LEFT, TOP), paint_map(tile.heat, tile.grey, bar, style.alpha))
        _draw_axes(canvas, stack.values.shape[1:], bottom)
        draw_colour_bar(canvas, LEFT + SIZE[1] // 2, bottom + AXIS_HEIGHT, bar)
        facts = {"kind": self.name, "reduce": stack.reduction, "alpha": style.alpha}
        png = encode_picture(canvas.to_pixels(), source.caption, style, bar, facts)
        return Drawing(png, scale, flat)


def _build_stack(source: MapSource, style: Style) -> Stack:
    """Return the map as a stack of a single slice (frames, bins)."""
    seen = source.view.values
    view = source.view if seen is None else replace(source.view, values=seen[np.newaxis])
    return build_stack(replace(source, values=source.values[np.newaxis], view=view), style.reduce)


def _turn(stack: Stack) -> Tile:
    """Return the only slice with frames to the right and low bins at the bottom."""
    grey = None if stack.grey is None else stack.grey[0].T[::-1]
    return fit_tile("", stack.values[0].T[::-1], grey, SIZE)


def _draw_axes(canvas: Canvas, shape: tuple[int, ...], bottom: int) -> None:
    """Draw the axes of frames and bins, each at the centre of its cell."""
    frames, bins = shape
    axis = Axis(LEFT, LEFT + SIZE[1], -0.5, frames - 0.5)
    canvas.draw_axis(axis, bottom, choose_ticks(0.0, frames - 1.0, least_step=1.0))
    for tick in choose_ticks(0.0, bins - 1.0, MAX_BIN_TICKS, least_step=1.0):
        y = bottom - (tick + 0.5) / bins * SIZE[0]
        canvas.draw_line((LEFT - TICK, y, LEFT - 1, y), LINE)
        canvas.write((LEFT - TICK - 3, y), f"{tick:.0f}", TICK_SIZE, colour=LINE, anchor="rm")
    canvas.write(
        (LEFT - TICK - 8, bottom + TICK + 2), "frame", TICK_SIZE, colour=QUIET_INK, anchor="rt"
    )
    canvas.write((MARGIN, TOP), "bin", TICK_SIZE, colour=QUIET_INK)
