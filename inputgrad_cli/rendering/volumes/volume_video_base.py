"""What the pictures of volumes and videos share: slices over the input, and their magnitudes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import Picture
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.numeric.pooling_to_pixels import stretch
from inputgrad_cli.rendering.canvas import QUIET_INK, TICK_SIZE, Canvas
from inputgrad_cli.rendering.colour_bar import (
    TOTAL_HEIGHT,
    ColourBar,
    build_scale,
    draw_colour_bar,
    forget_limits,
)
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.colour_scale import reduce_channels
from inputgrad_cli.rendering.png_with_metadata import encode_picture
from inputgrad_cli.rendering.volumes.slice_tiles import (
    GAP,
    LABEL_HEIGHT,
    PER_ROW,
    SIDE,
    Tile,
    build_tile,
    choose_slices,
    draw_chart,
    draw_grid,
    draw_tile,
    find_strongest,
    measure_grid,
    measure_slices,
    scale_to_grey,
)

EDGE, TOP = 12, 34  # beside the tiles; of the title
WIDTH = 2 * EDGE + PER_ROW * SIDE + (PER_ROW - 1) * GAP
MAX_SLICES = 16
CHART_ROOM = 24  # of the ticks of the chart
ROOM_BELOW = 10  # between the tiles and the colour bar


@dataclass(frozen=True)
class Stack:
    """A map of slices (D, H, W), reduced over its channels, and the input in 0..255, or None.

    `units` says what a value is, and `reduction` how channels became one value. `answer` is the
    class with its probability, which stands alone where the title has no room.
    """

    values: Floats
    grey: Floats | None
    units: str
    reduction: str
    title: str
    answer: str

    @cached_property
    def magnitudes(self) -> Floats:
        """Return the mean magnitude of each slice, (D,)."""
        return measure_slices(self.values)

    def build_slice(self, index: int, label: str, box: tuple[int, int]) -> Tile:
        """Return a slice in a box (height, width) of pixels."""
        grey = None if self.grey is None else self.grey[index]
        return build_tile(label, self.values[index], grey, box)


def build_stack(source: MapSource, reduce: str | None) -> Stack:
    """Return the map (D, H, W) or (D, H, W, C) of a source as a stack of slices."""
    values, caption = source.values, source.caption
    values = values[..., np.newaxis] if values.ndim == 3 else values
    reduction = reduce or caption.reduce
    flat = reduce_channels(values, reduction, caption.copied)
    flat, grey = _fit_to_input(flat, source.view.values)
    units = caption.format_bar_label(reduction, values.shape[-1])
    return Stack(flat, grey, units, reduction, caption.format_line(), caption.format_class())


def _fit_to_input(flat: Floats, seen: Array | None) -> tuple[Floats, Floats | None]:
    """Return the map in the shape of the input (D, H, W, ...), and the input in 0..255.

    The map of a layer is enlarged by cells. Without an input the map is as it was.
    """
    if seen is None or seen.dtype.kind not in "biuf" or seen.ndim not in (3, 4):
        return flat, None
    shape = seen.shape[:3]
    if any(side < part for side, part in zip(shape, flat.shape, strict=True)):
        return flat, None
    for axis, side in enumerate(shape):
        flat = stretch(flat, side, axis)
    return flat, scale_to_grey(seen.reshape(*shape, -1).mean(axis=-1))


@dataclass(frozen=True)
class StackMap(Picture):
    """The base of pictures of stacks; `unit` is what a slice is called.

    `chart_height` is that of the row above the slices, which holds the chart of magnitudes and
    the tiles of `build_summaries`.
    """

    unit: ClassVar[str] = "slice"
    chart_height: ClassVar[int] = 144

    def supports(self, layout: MapLayout) -> bool:
        """Return whether a map (D, H, W) or (D, H, W, C) is of the subject of this kind's name."""
        shape = layout.shape
        return layout.subject == self.name and len(shape) in (3, 4) and all(shape)

    def build_summaries(self, stack: Stack) -> Sequence[Tile]:
        """Return the tiles before the chart, each as wide as two slices."""
        return ()

    def build_extras(self, stack: Stack, bar: ColourBar, style: Style) -> Mapping[str, bytes]:
        """Return the files beside the picture, by ending."""
        return {}

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawings, each with its caption and scale in the text chunk of the file."""
        return [self._draw_stack(source, style) for source in sources]

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale of all tiles, whatever the style's own limit."""
        stack = build_stack(source, style.reduce)
        tiles = [*self.build_summaries(stack), *self._build_slices(stack)]
        return _find_scale(tiles, stack, source, forget_limits(style))

    def _build_slices(self, stack: Stack) -> list[Tile]:
        return [
            stack.build_slice(index, f"{self.unit} {index}", (SIDE, SIDE))
            for index in choose_slices(stack.magnitudes, MAX_SLICES)
        ]

    def _draw_stack(self, source: MapSource, style: Style) -> Drawing:
        stack = build_stack(source, style.reduce)
        summaries, slices = self.build_summaries(stack), self._build_slices(stack)
        scale = _find_scale([*summaries, *slices], stack, source, style)
        flat = not (np.abs(source.values) > 0).any()
        has_nan = bool(np.isnan(stack.magnitudes).any())
        cmap = style.get_colour_map(scale.signed)
        bar = ColourBar(
            scale, cmap, stack.units, has_nan, flat and not has_nan, source.caption.sides
        )
        top = TOP + LABEL_HEIGHT + self.chart_height + GAP
        bottom = top + measure_grid(slices) + ROOM_BELOW
        canvas = Canvas(WIDTH, bottom + TOTAL_HEIGHT)
        canvas.write_title(stack.title)
        for index, tile in enumerate(summaries):
            draw_tile(canvas, (EDGE + 2 * index * (SIDE + GAP), TOP), tile, bar, style.alpha)
        self._draw_magnitudes(canvas, EDGE + 2 * len(summaries) * (SIDE + GAP), stack)
        draw_grid(canvas, (EDGE, top), slices, bar, style.alpha)
        draw_colour_bar(canvas, WIDTH // 2, bottom, bar)
        png = self._encode(canvas.to_pixels(), source, style, bar)
        return Drawing(png, scale, flat, self.build_extras(stack, bar, style))

    def _draw_magnitudes(self, canvas: Canvas, left: int, stack: Stack) -> None:
        strongest = find_strongest(stack.magnitudes)
        words = f"magnitude by {self.unit}, strongest: {self.unit} {strongest}"
        canvas.write((left, TOP), words, TICK_SIZE, colour=QUIET_INK)
        bottom = TOP + LABEL_HEIGHT + self.chart_height - CHART_ROOM
        draw_chart(canvas, (left, TOP + LABEL_HEIGHT + 2, WIDTH - EDGE, bottom), stack.magnitudes)

    def _encode(self, pixels: Pixels, source: MapSource, style: Style, bar: ColourBar) -> bytes:
        reduction = style.reduce or source.caption.reduce
        facts = {"kind": self.name, "reduce": reduction, "alpha": style.alpha}
        return encode_picture(pixels, source.caption, style, bar, facts)


def _find_scale(tiles: Sequence[Tile], stack: Stack, source: MapSource, style: Style) -> Scale:
    heat = [tile.heat for tile in tiles]
    return build_scale(heat, style, stack.reduction, source.caption.sign)
