"""Draws a row of a table before and after a search, the change of each column, and the trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.data.optimization_arrays import SCORE, STEP
from inputgrad_cli.data.pictures.input_modality import ROW
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource, SearchView
from inputgrad_cli.interfaces.picture import MAX_SAMPLES, search_pictures
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.rendering.canvas import (
    INK,
    LINE,
    MARGIN,
    NUMBER_SIZE,
    QUIET_INK,
    TICK_SIZE,
    Axis,
    Box,
    Canvas,
)
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.label_formatting import MINUS, format_number, format_value
from inputgrad_cli.rendering.optimization.before_after_picture_base import SearchPicture
from inputgrad_cli.rendering.text_measuring import fit_name, fit_text

MAX_COLUMNS = 24  # of the table; further ones are counted below
WIDTH, ROW_HEIGHT, HEAD, FOOT, MIN_HEIGHT = 940, 24, 84, 54, 210
NAME_LEFT, NAME_WIDTH = 12, 190
BEFORE_RIGHT, AFTER_RIGHT = 300, 400  # numbers end here
BAR_LEFT, BAR_RIGHT = 424, 624
TRACE_LEFT, TRACE_RIGHT = 716, 924
BAR_COLOUR = (214, 110, 0)  # neither of the two that say what is for and against a target
TRACE_COLOUR = (31, 119, 180)
CHANGE_TITLE = "change, % of the larger value"
PERCENT = 100.0


@search_pictures.register
@dataclass(frozen=True)
class SearchRow(SearchPicture):
    """A table of the columns before and after a search with bars of their changes, and the trace.

    The columns of a table have units of their own, so that a bar is the change as a share of the
    larger of the two values.
    """

    name = "search-row"
    help = "before, after and change of each column, trace"
    subjects = "tables"
    max_samples = MAX_SAMPLES

    def supports(self, layout: MapLayout) -> bool:
        """Return whether the change is that of a row of a table, (D,), of several columns."""
        shape = layout.shape
        return layout.is_search and layout.subject == ROW and len(shape) == 1 and shape[0] > 1

    def compose(self, source: MapSource, search: SearchView) -> tuple[Pixels, Mapping[str, Any]]:
        """Return the picture, and the positions of the columns that it shows."""
        before, after = (values.astype(np.float64) for values in (search.before, search.after))
        names = _list_names(source, len(before))
        shares = compute_shares(before, after)
        columns = choose_columns(before != after, shares)
        bottom = HEAD + ROW_HEIGHT * len(columns)
        canvas = Canvas(WIDTH, max(bottom + FOOT, MIN_HEIGHT))
        _write_head(canvas, source, search)
        axis = Axis(BAR_LEFT, BAR_RIGHT, *_choose_ends(PERCENT * shares[columns]))
        for index, column in enumerate(columns.tolist()):
            values = (float(before[column]), float(after[column]))
            _draw_column(canvas, HEAD + ROW_HEIGHT * index, names[column], values)
            _draw_bar(canvas, HEAD + ROW_HEIGHT * index, axis, PERCENT * float(shares[column]))
        canvas.draw_axis(axis, bottom)
        _write_rest(canvas, bottom, before != after, columns)
        _draw_trace(canvas, (TRACE_LEFT, HEAD, TRACE_RIGHT, canvas.height - FOOT), search)
        return canvas.to_pixels(), {"columns": columns.tolist()}


def compute_shares(before: Array, after: Array) -> Array:
    """Return the changes (D,) as shares of the larger absolute value, from -2 to 2."""
    change = after - before
    largest = np.maximum(np.abs(before), np.abs(after))
    shares = np.zeros_like(change)
    return np.asarray(np.divide(change, largest, out=shares, where=change != 0))


def choose_columns(is_changed: NDArray[np.bool_], shares: Array) -> NDArray[np.intp]:
    """Return the positions of the columns to draw, in the order of the table.

    If they are too many, those that change most come before those that change less or not at all.
    """
    sizes = np.where(np.isnan(shares), np.inf, np.abs(shares)) + is_changed
    return np.sort(np.argsort(-sizes, kind="stable")[:MAX_COLUMNS])


def _list_names(source: MapSource, count: int) -> Sequence[str]:
    names = source.view.names
    return names if len(names) == count else [str(index + 1) for index in range(count)]


def _choose_ends(shares: Array) -> tuple[float, float]:
    """Return the ends of the axis of bars: symmetric, and at least 100 %."""
    limit = max(PERCENT, float(np.abs(shares[np.isfinite(shares)]).max(initial=0.0)))
    return -limit, limit


def _write_head(canvas: Canvas, source: MapSource, search: SearchView) -> None:
    canvas.write_title(source.caption.format_line())
    answers = fit_text("    ".join(search.titles), canvas.width - 2 * MARGIN, NUMBER_SIZE)
    canvas.write((MARGIN, 30), answers, NUMBER_SIZE, colour=QUIET_INK)
    for x, text in ((BEFORE_RIGHT, "before"), (AFTER_RIGHT, "after")):
        canvas.write((x, 60), text, NUMBER_SIZE, anchor="ra")
    middle = (BAR_LEFT + BAR_RIGHT) / 2
    canvas.write((middle, 60), CHANGE_TITLE, NUMBER_SIZE, anchor="ma")


def _draw_column(canvas: Canvas, top: float, name: str, values: tuple[float, float]) -> None:
    """Write the name and both values of a column; those of one that stays are pale."""
    before, after = values
    colour = QUIET_INK if before == after else INK
    middle = top + ROW_HEIGHT / 2
    label = fit_name(name, None, NAME_WIDTH, NUMBER_SIZE)
    canvas.write((NAME_LEFT, middle), label, NUMBER_SIZE, colour=colour, anchor="lm")
    for x, value in ((BEFORE_RIGHT, before), (AFTER_RIGHT, after)):
        text = format_value(value)
        canvas.write((x, middle), text, NUMBER_SIZE, colour=colour, anchor="rm")


def _draw_bar(canvas: Canvas, top: float, axis: Axis, share: float) -> None:
    zero = axis.locate(0.0)
    if share and np.isfinite(share):
        end = axis.locate(share)
        canvas.fill_box((zero, top + 5, end, top + ROW_HEIGHT - 6), BAR_COLOUR)
        # Left of the bars are the values.
        point = (max(zero, end) + 4, top + ROW_HEIGHT / 2)
        canvas.write(point, format_share(share), TICK_SIZE, colour=LINE, anchor="lm")
    canvas.draw_line((zero, top, zero, top + ROW_HEIGHT))


def format_share(share: float) -> str:
    """Return a change in percent with its sign: `+24 %`, of less than half a percent `+0.3 %`."""
    text = f"{share:+.0f}" if abs(share) >= 1 else f"{share:+.1g}"
    return f"{text} %".replace("-", MINUS)


def _write_rest(
    canvas: Canvas, bottom: float, is_changed: NDArray[np.bool_], columns: NDArray[np.intp]
) -> None:
    """Write how many columns are not drawn, and how many of them change."""
    rest = len(is_changed) - len(columns)
    if rest:
        changed = int(is_changed.sum() - is_changed[columns].sum())
        text = f"{rest} more columns, of which {changed or 'none'} changed"
        canvas.write((NAME_LEFT, bottom + 8), text, NUMBER_SIZE, colour=QUIET_INK)


def _draw_trace(canvas: Canvas, box: Box, search: SearchView) -> None:
    """Draw the score of every evaluated point in a box, with its lowest and its highest value."""
    left, top, right, bottom = box
    canvas.write(((left + right) / 2, 60), search.score, NUMBER_SIZE, anchor="ma")
    canvas.draw_line((left, top, left, bottom))
    canvas.draw_line((left, bottom, right, bottom))
    scores = search.trace[np.isfinite(search.trace[:, STEP]), SCORE]
    scores = scores[np.isfinite(scores)].astype(np.float64)
    label = f"{len(scores)} evaluations" if len(scores) != 1 else "1 evaluation"
    canvas.write(((left + right) / 2, bottom + 8), label, TICK_SIZE, colour=LINE, anchor="ma")
    if not len(scores):
        return
    low, high = float(scores.min()), float(scores.max())
    heights = Axis(bottom, top, low, high)
    for value in {low, high}:
        text = format_number(value)
        canvas.write((left - 6, heights.locate(value)), text, TICK_SIZE, colour=LINE, anchor="rm")
    positions = np.linspace(left, right, len(scores)).tolist()
    points = list(zip(positions, map(heights.locate, scores.tolist()), strict=True))
    for (x, y), (next_x, next_y) in zip(points, [*points[1:], points[-1]], strict=True):
        canvas.draw_line((x, y, next_x, next_y), TRACE_COLOUR)
    for x, y in points if len(points) < 12 else ():  # a line through one point is invisible
        canvas.fill_box((x - 2, y - 2, x + 2, y + 2), TRACE_COLOUR)
