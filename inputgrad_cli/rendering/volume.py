"""Draws the maps of volumes: the largest values along each axis, and slices over the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import Drawing, MapLayout, MapSource, Picture, pictures
from inputgrad_cli.numeric.arrays import Floats
from inputgrad_cli.numeric.pooling import take_largest
from inputgrad_cli.rendering.canvas import QUIET_INK, TICK_SIZE, Canvas
from inputgrad_cli.rendering.colour_bar import (
    TOTAL_HEIGHT,
    ColourBar,
    build_scale,
    draw_colour_bar,
    forget_limits,
)
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.picture_file import encode_picture
from inputgrad_cli.rendering.scale import reduce_channels
from inputgrad_cli.rendering.tiles import (
    GAP,
    LABEL_HEIGHT,
    PER_ROW,
    ROW_HEIGHT,
    SIDE,
    Tile,
    build_tile,
    choose_slices,
    draw_chart,
    draw_grid,
    draw_tile,
    find_strongest,
    measure_slices,
    scale_to_grey,
)

EDGE, TOP = 12, 34  # beside the tiles; of the title
WIDTH = 2 * EDGE + PER_ROW * SIDE + (PER_ROW - 1) * GAP
SLICES = 16
BOX = (144, 2 * SIDE + GAP)  # height and width of a projection
CHART_ROOM = 24  # of the ticks of the chart
ROOM_BELOW = 10  # between the tiles and the colour bar


@dataclass(frozen=True)
class Stack:
    """A map of slices (D, H, W), reduced over its channels, and the input in 0..255, or None.

    `units` says what a value is, and `reduction` how channels became one value.
    """

    values: Floats
    grey: Floats | None
    units: str
    reduction: str

    @property
    def magnitudes(self) -> Floats:
        """Return the mean magnitude of each slice, (D,)."""
        return measure_slices(self.values)


def build_stack(source: MapSource, reduce: str | None) -> Stack:
    """Return the map (D, H, W) or (D, H, W, C) of a source as a stack of slices."""
    values, caption = source.values, source.caption
    values = values[..., np.newaxis] if values.ndim == 3 else values
    reduction = reduce or caption.reduce
    flat = reduce_channels(values, reduction, caption.copied)
    seen, grey = source.view.values, None
    if seen is not None and seen.dtype.kind in "biuf" and seen.shape[:3] == flat.shape:
        grey = scale_to_grey(seen.reshape(*flat.shape, -1).mean(axis=-1))
    return Stack(flat, grey, caption.format_bar_label(reduction, values.shape[-1]), reduction)


@pictures.register
@dataclass(frozen=True)
class Volume(Picture):
    """The value of largest magnitude along each axis, and 16 slices over the grey input."""

    name = "volume"
    help = "projections and slices"
    subjects = "volumes"

    def supports(self, layout: MapLayout) -> bool:
        """Return whether a map (D, H, W) or (D, H, W, C) is that of a volume."""
        return layout.subject == "volume" and len(layout.shape) in (3, 4) and all(layout.shape)

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawings, each with its caption and scale in the text chunk of the file."""
        return [self._draw_volume(source, style) for source in sources]

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale of all parts, whatever the style's own limit."""
        stack = build_stack(source, style.reduce)
        return _find_scale(build_parts(stack), stack, source, forget_limits(style))

    def _draw_volume(self, source: MapSource, style: Style) -> Drawing:
        stack = build_stack(source, style.reduce)
        parts = build_parts(stack)
        scale = _find_scale(parts, stack, source, style)
        flat = not (np.abs(source.values) > 0).any()
        has_nan = bool(np.isnan(stack.magnitudes).any())
        cmap = style.get_colour_map(scale.signed)
        bar = ColourBar(scale, cmap, stack.units, has_nan, is_flat=flat and not has_nan)
        pixels = draw_parts(source, stack, parts, bar, style.alpha)
        facts = {"kind": self.name, "reduce": stack.reduction, "alpha": style.alpha}
        return Drawing(encode_picture(pixels, source.caption, style, bar, facts), scale, flat)


@dataclass(frozen=True)
class Parts:
    """The parts of a picture of a volume: three projections, and slices."""

    projections: Sequence[Tile]
    slices: Sequence[Tile]


def build_parts(stack: Stack) -> Parts:
    """Return the projections and slices of a stack, in the pixels of the picture."""
    values, grey = stack.values, stack.grey
    projections = [
        build_tile(
            f"largest along axis {axis}",
            take_largest(values, axis),
            None if grey is None else grey.mean(axis=axis),
            BOX,
        )
        for axis in range(3)
    ]
    slices = [
        build_tile(
            f"slice {index}", values[index], None if grey is None else grey[index], (SIDE, SIDE)
        )
        for index in choose_slices(stack.magnitudes, SLICES)
    ]
    return Parts(projections, slices)


def _find_scale(parts: Parts, stack: Stack, source: MapSource, style: Style) -> Scale:
    heat = [tile.heat for tile in (*parts.projections, *parts.slices)]
    return build_scale(heat, style, stack.reduction, source.caption.sign)


def draw_parts(
    source: MapSource, stack: Stack, parts: Parts, bar: ColourBar, alpha: float
) -> Pixels:
    """Return the picture (H, W, 3) of a volume."""
    rows = -(-len(parts.slices) // PER_ROW)
    first = LABEL_HEIGHT + BOX[0] + GAP
    height = TOP + first + rows * ROW_HEIGHT + ROOM_BELOW + TOTAL_HEIGHT
    canvas = Canvas(WIDTH, height)
    canvas.write_title(source.caption.format_title().splitlines()[0])
    for index, tile in enumerate(parts.projections):
        draw_tile(canvas, (EDGE + index * (BOX[1] + GAP), TOP), tile, bar, alpha)
    left = EDGE + 3 * (BOX[1] + GAP)
    magnitudes = stack.magnitudes
    words = f"magnitude by slice, strongest {find_strongest(magnitudes)}"
    canvas.write((left, TOP), words, TICK_SIZE, colour=QUIET_INK)
    bottom = TOP + LABEL_HEIGHT + BOX[0] - CHART_ROOM
    draw_chart(canvas, (left, TOP + LABEL_HEIGHT + 2, WIDTH - EDGE, bottom), magnitudes)
    draw_grid(canvas, (EDGE, TOP + first), parts.slices, bar, alpha)
    draw_colour_bar(canvas, WIDTH // 2, TOP + first + rows * ROW_HEIGHT + ROOM_BELOW, bar)
    return canvas.to_pixels()
