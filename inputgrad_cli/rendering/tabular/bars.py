"""Draws one row of a table as bars: the columns that matter most, and which way."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.input_modality import ROW
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import MAX_SAMPLES, Picture, pictures
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.rendering.canvas import (
    AGAINST,
    FOR,
    LINE,
    NAME_SIZE,
    NUMBER_SIZE,
    PAPER,
    QUIET_INK,
    TICK_SIZE,
    Axis,
    Canvas,
    Colour,
    build_axis,
)
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY
from inputgrad_cli.rendering.label_formatting import format_number, format_value
from inputgrad_cli.rendering.tabular.column_ranking import Rest, rank_columns, sum_rest
from inputgrad_cli.rendering.text_measuring import fit_name
from inputgrad_cli.schema.json_type_alias import JsonObject

WIDTH, NAMES, NUMBERS = 704, 260, 90  # of the picture, of its names, of the numbers at its right
LEFT_NUMBERS = 76  # between the names and the longest bar to the left, for its number
HEAD, ROW_HEIGHT, FOOT = 30, 26, 44
BAR_HEIGHT, REST_HEIGHT = 18, 9
OVERHANG = 0.04  # of the axis, by which a bar of the rest goes beyond its end
UNSIGNED: Colour = (107, 107, 107)  # of values that have a size and no direction
PALE_FOR: Colour = (224, 163, 171)
PALE_AGAINST: Colour = (166, 191, 219)


@dataclass(frozen=True)
class RowPicture(Picture):
    """The base of pictures of one row of a table; `draw_row` returns their canvas."""

    subjects = "tables"
    max_samples = MAX_SAMPLES

    def supports(self, layout: MapLayout) -> bool:
        """Return whether the map is a row of values."""
        return layout.subject == ROW and len(layout.shape) <= 1 and all(layout.shape)

    def draw_row(self, source: MapSource, style: Style) -> Canvas:
        """Return the picture of one row."""
        raise TypeError(f"{type(self).__name__} does not define draw_row()")

    def describe(self, source: MapSource) -> JsonObject:
        """Return what the file says of a row besides its caption and its scale."""
        return {}

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawing of each row."""
        return [self._draw(source, style) for source in sources]

    def _draw(self, source: MapSource, style: Style) -> Drawing:
        scale = self.choose_scale(source, style)
        text = {
            **vars(source.caption),
            **self.describe(source),
            "kind": self.name,
            "bar": source.caption.quantity,
            "scale": {"low": scale.low, "high": scale.limit},
        }
        canvas = self.draw_row(source, style)
        png = encode_png(canvas.to_pixels(), TEXT_KEY, json.dumps(text, sort_keys=True))
        values = source.values if source.classes is None else source.classes.values
        return Drawing(png, scale, not np.nan_to_num(values, nan=1.0).any())


@pictures.register
@dataclass(frozen=True)
class Bars(RowPicture):
    """A bar for each of the largest values, by size, and one for all others together."""

    name = "bars"
    help = "the columns of one row by size (default of tables of at most 100 rows)"

    def draw_row(self, source: MapSource, style: Style) -> Canvas:
        """Return the picture of one row."""
        values = source.values.astype(np.float64)
        ranking = rank_columns(values, style.top)
        canvas = Canvas(WIDTH, HEAD + ROW_HEIGHT * ranking.row_count + FOOT)
        canvas.write_title(format_heading(source))
        axis = build_bar_axis(values, style)
        bottom = HEAD + ROW_HEIGHT * ranking.row_count
        for row, index in enumerate(ranking.shown):
            y = HEAD + ROW_HEIGHT * row + ROW_HEIGHT / 2
            write_name(canvas, y, format_column(source, int(index)))
            _draw_bar(canvas, axis, y, values[index], choose_colour(source, int(index)))
        if len(ranking.rest):
            _draw_rest(
                canvas, axis, bottom - ROW_HEIGHT / 2, source, sum_rest(values[ranking.rest])
            )
        zero = axis.locate(0.0)
        canvas.draw_line((zero, HEAD, zero, bottom))
        canvas.draw_axis(axis, bottom)
        middle, legend = (axis.left + axis.right) / 2, _format_legend(source, axis)
        sides = source.caption.sides if axis.is_two_sided else ()
        canvas.draw_legend(middle, bottom + 24, legend, sides=sides)
        return canvas


def build_bar_axis(values: Array, style: Style) -> Axis:
    """Return the axis of bars, with space for the numbers at their ends.

    Without a scale of the run, a side on which no value lies is left out.
    """
    ends = (NAMES, WIDTH - NUMBERS)
    if style.limit is None:
        axis = build_axis(values.tolist(), ends)
    else:
        axis = build_axis((-style.limit if style.signed else 0.0, style.limit), ends)
    return Axis(NAMES + LEFT_NUMBERS, axis.right, axis.low, axis.high) if axis.low else axis


def format_heading(source: MapSource) -> str:
    """Return the title: method, what was explained, and its score."""
    return source.caption.format_line()


def format_column(source: MapSource, index: int) -> str:
    """Return `name = value` of a column, cut to the space of names."""
    view = source.view
    name = view.names[index] if index < len(view.names) else str(index)
    cell = None if view.values is None else view.values[index]
    return fit_name(name, None if cell is None else format_value(cell), NAMES - 16, NAME_SIZE)


def write_name(canvas: Canvas, y: float, text: str) -> None:
    """Write the name of a row at its left."""
    canvas.write((NAMES - 8, y), text, colour=LINE, anchor="rm")


def choose_colour(source: MapSource, index: int) -> Colour:
    """Return the colour of a bar: for or against the target, or grey without a direction."""
    unsigned = source.view.unsigned
    if _is_unsigned(source) or (index < len(unsigned) and unsigned[index]):
        return UNSIGNED
    return FOR if source.values[index] > 0 else AGAINST


def _is_unsigned(source: MapSource) -> bool:
    """Return whether the values of the map are sizes, which say nothing of a direction."""
    sign = source.caption.sign
    return sign == "positive" or (sign == "either" and not bool((source.values < 0).any()))


def _draw_bar(canvas: Canvas, axis: Axis, y: float, value: float, colour: Colour) -> None:
    """Draw a bar and its number; a value that is not finite has no length and is named."""
    start, end = axis.locate(0.0), axis.locate(value if math.isfinite(value) else 0.0)
    if end != start:
        top = y - BAR_HEIGHT / 2
        canvas.fill_box((start, top, end, top + BAR_HEIGHT - 1), colour)
    is_left = value < 0 and math.isfinite(value)
    point = (end - 5 if is_left else end + 5, y)
    anchor = "rm" if is_left else "lm"
    canvas.write(point, format_number(value, signed=True), NUMBER_SIZE, anchor=anchor)


def _draw_rest(canvas: Canvas, axis: Axis, y: float, source: MapSource, rest: Rest) -> None:
    """Draw the columns that are not shown: their sums by sign, which may exceed the axis.

    Values per unit of input have units of their own, so they are not summed.
    """
    write_name(canvas, y, f"{rest.count:,} others")
    if source.view.per_input:
        text = f"each at most {format_number(rest.largest)}"
        canvas.write((axis.locate(0.0) + 5, y), text, TICK_SIZE, colour=QUIET_INK, anchor="lm")
        return
    top, zero = y - REST_HEIGHT / 2, axis.locate(0.0)
    sums = [(rest.negative, PALE_AGAINST, -5, "rm")]
    sums += [(rest.positive, UNSIGNED if _is_unsigned(source) else PALE_FOR, 5, "lm")]
    for value, colour, gap, anchor in sums:
        if not value:
            continue
        end = axis.locate(value, OVERHANG)
        box = (zero, top, end, top + REST_HEIGHT - 1)
        canvas.fill_box(box, colour)
        if abs(value) > max(axis.high, -axis.low):
            canvas.draw_hatching(box, PAPER)
        text = format_number(value, signed=True)
        canvas.write((end + gap, y), text, TICK_SIZE, colour=QUIET_INK, anchor=anchor)
    if not rest.negative and not rest.positive:
        canvas.write((zero + 5, y), "0", TICK_SIZE, colour=QUIET_INK, anchor="lm")


def _format_legend(source: MapSource, axis: Axis) -> str:
    """Return what the values are; an axis with a single side says which one it is."""
    units = source.caption.quantity
    if not source.values.any():
        return f"{units} (all zero)"
    if axis.is_two_sided or _is_unsigned(source):
        return units
    below, above = source.caption.sides
    return f"← {below}   {units}" if axis.low else f"{units}   {above} →"
