"""Draws the columns of one row for several classes: a table of colours with numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.pictures.map_source import ClassView, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import class_pictures
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.rendering.canvas import (
    INK,
    LINE,
    MARGIN,
    NAME_SIZE,
    NUMBER_SIZE,
    PAPER,
    QUIET_INK,
    TICK_SIZE,
    Canvas,
    choose_ink,
)
from inputgrad_cli.rendering.class_comparison.top_class_selection import format_heading
from inputgrad_cli.rendering.colour_bar import TOTAL_HEIGHT, ColourBar, draw_colour_bar
from inputgrad_cli.rendering.colour_maps import to_colours
from inputgrad_cli.rendering.colour_scale import normalize
from inputgrad_cli.rendering.label_formatting import format_number
from inputgrad_cli.rendering.tabular.bars import NAMES, WIDTH, RowPicture, format_column
from inputgrad_cli.rendering.tabular.column_ranking import Ranking, rank_columns
from inputgrad_cli.rendering.text_measuring import fit_text
from inputgrad_cli.schema.json_type_alias import JsonObject

HEAD, CLASS_HEAD, FOOT = 30, 42, 34 + TOTAL_HEIGHT  # heights: title, names of classes, below
CELL_WIDTH, CELL_HEIGHT = 96, 26
MIN_WIDTH = WIDTH  # as wide as the bars of one class
GAP = 4  # between the words of two cells
NOT_A_NUMBER = "NaN"  # a cell has no room for more


@class_pictures.register
@dataclass(frozen=True)
class HeatTable(RowPicture):
    """The columns of largest magnitude, and for each class a cell with its value."""

    name = "heat-table"
    help = "the columns of one row for the classes of largest score"

    def describe(self, source: MapSource) -> JsonObject:
        """Return the classes that are shown, from the left."""
        return {"classes": [caption.target for caption in _get_view(source).captions]}

    def draw_row(self, source: MapSource, style: Style) -> Canvas:
        """Return the table of one row, with the class of largest score on the left."""
        return draw_heat_table(source, _get_view(source), self.choose_scale(source, style), style)

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale that covers the values of all classes that are shown."""
        values = _get_view(source).values
        finite = np.abs(values[np.isfinite(values)])
        return Scale(float(finite.max(initial=0.0)), source.caption.sign == "signed")


def _get_view(source: MapSource) -> ClassView:
    """Return the classes of a row; a row without classes is one itself."""
    return source.classes or ClassView((source.caption,), source.values[np.newaxis], 0)


def draw_heat_table(source: MapSource, view: ClassView, scale: Scale, style: Style) -> Canvas:
    """Return the table of the classes of a view, (K, F), on one scale."""
    values = view.values.reshape(len(view.values), -1).astype(np.float64)
    # Each class counts, and `rank_columns` puts what is not finite first.
    ranking = rank_columns(np.max(np.abs(values), axis=0), style.top)
    width = max(MIN_WIDTH, NAMES + CELL_WIDTH * len(values) + MARGIN)
    bottom = HEAD + CLASS_HEAD + CELL_HEIGHT * len(ranking.shown)
    canvas = Canvas(width, bottom + FOOT)
    canvas.write_title(format_heading(source.caption))
    for column, caption in enumerate(view.captions):
        middle = NAMES + CELL_WIDTH * (column + 0.5)
        room = CELL_WIDTH - GAP
        name = replace(caption, probability=None).format_class()  # there is no room for both
        label = fit_text(name, room, NUMBER_SIZE)
        canvas.write((middle, HEAD + 2), label, NUMBER_SIZE, anchor="mt")
        score = fit_text(caption.format_score(), room, TICK_SIZE)
        canvas.write((middle, HEAD + 22), score, TICK_SIZE, colour=QUIET_INK, anchor="mt")
    cmap = style.get_colour_map(scale.signed)
    for row, index in enumerate(ranking.shown.tolist()):
        top = HEAD + CLASS_HEAD + CELL_HEIGHT * row
        label = format_column(source, index)
        canvas.write((NAMES - MARGIN, top + CELL_HEIGHT / 2), label, colour=LINE, anchor="rm")
        unsigned = index < len(source.view.unsigned) and source.view.unsigned[index]
        _draw_cells(canvas, top, values[:, index], None if unsigned else (scale, cmap))
    left_out = _format_rest(ranking, view)
    canvas.write((NAMES, bottom + 8), left_out, TICK_SIZE, colour=QUIET_INK)
    caption, has_nan = source.caption, bool(np.isnan(values).any())
    bar = ColourBar(scale, cmap, caption.quantity, has_nan, not scale.limit, caption.sides)
    draw_colour_bar(canvas, width // 2, bottom + 30, bar)
    return canvas


def _draw_cells(canvas: Canvas, top: int, values: Array, colours: tuple[Scale, str] | None) -> None:
    """Draw the cells of one column of the table, (K,); sizes without a sign have no colour."""
    for position, value in enumerate(values.tolist()):
        left = NAMES + CELL_WIDTH * position
        box = (left + 1, top + 1, left + CELL_WIDTH - 2, top + CELL_HEIGHT - 2)
        fill, ink = PAPER, INK
        if colours is not None:
            scale, cmap = colours
            share = normalize(np.array([[[value]]]), [scale])
            red, green, blue = to_colours(share, cmap)[0, 0, 0].tolist()
            fill = (red, green, blue)
            ink = choose_ink(fill)
        canvas.fill_box(box, fill)
        text = NOT_A_NUMBER if np.isnan(value) else format_number(value, colours is not None)
        middle = (left + CELL_WIDTH / 2, top + CELL_HEIGHT / 2)
        canvas.write(middle, text, NAME_SIZE - 1, colour=ink, anchor="mm")


def _format_rest(ranking: Ranking, view: ClassView) -> str:
    """Return how many columns and classes are not shown, empty if all are."""
    columns = f"{len(ranking.rest):,} columns" if len(ranking.rest) else ""
    classes = f"{view.hidden:,} classes" if view.hidden else ""
    words = " and ".join(filter(None, (columns, classes)))
    return f"{words} not shown" if words else ""
