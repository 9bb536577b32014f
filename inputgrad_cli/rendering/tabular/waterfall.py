"""Draws one row of a table as the way from the score of the baseline to that of the row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.pictures.input_modality import ROW
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.rendering.canvas import (
    AGAINST,
    FOR,
    NUMBER_SIZE,
    PAPER,
    TICK_SIZE,
    Axis,
    Canvas,
    Colour,
)
from inputgrad_cli.rendering.label_formatting import format_number
from inputgrad_cli.rendering.tabular.bars import (
    NAMES,
    NUMBERS,
    WIDTH,
    RowPicture,
    choose_colour,
    format_column,
    format_heading,
    write_name,
)
from inputgrad_cli.rendering.tabular.column_ranking import rank_columns

HEAD, BAND, ROW_HEIGHT, FOOT = 30, 32, 29, 44  # title, space of each score, a step, axis
BAR_HEIGHT = 20
GAP_COLOUR: Colour = (138, 138, 138)
CONNECTOR: Colour = (153, 153, 153)
MIN_GAP = 1e-3  # of the difference, from which what is not attributed gets a bar
LABEL_SPACE = 60  # half the space of the label of a score
DASH = 3


@dataclass(frozen=True)
class Step:
    """A bar of the waterfall: its name, by how much it changes the score, and its colour."""

    name: str
    value: float
    colour: Colour
    is_gap: bool = False

    @property
    def length(self) -> float:
        """Return the length of the bar; a value that is not finite has none."""
        return self.value if math.isfinite(self.value) else 0.0


@pictures.register
@dataclass(frozen=True)
class Waterfall(RowPicture):
    """From the score of the baseline, at the bottom, to the score of the row, at the top."""

    name = "waterfall"
    help = "how the columns of one row lead from the score of the baseline to that of the row"

    def supports(self, layout: MapLayout) -> bool:
        """Return whether the values of a row add up to the difference of two scores."""
        return super().supports(layout) and layout.is_complete

    def explain_refusal(self, layout: MapLayout) -> str:
        """Return why a row is drawn as bars."""
        if layout.subject != ROW or layout.is_complete:
            return ""
        return (
            "no waterfall, because the values have no sum that was checked: bars are drawn; "
            "integrated-gradients has one"
        )

    def draw_row(self, source: MapSource, style: Style) -> Canvas:
        """Return the picture of one row."""
        base = _get_finite(source.view.baseline_score, 0.0)
        score = _get_finite(source.caption.score, base)
        steps = list(_yield_steps(source, score - base, style.top))
        top, bottom = HEAD + BAND, HEAD + BAND + ROW_HEIGHT * len(steps)
        canvas = Canvas(WIDTH, bottom + BAND + FOOT)
        canvas.write_title(format_heading(source))
        ends = base + np.cumsum([0.0, *(step.length for step in reversed(steps))])
        points = [*ends, score]
        low, high = float(min(points)), float(max(points))
        axis = Axis(NAMES + 10, WIDTH - NUMBERS, low, high)
        _draw_scores(canvas, axis, (base, score), (top, bottom))
        _draw_steps(canvas, axis, steps, ends[::-1].tolist())
        canvas.draw_axis(axis, bottom + BAND, sorted({low, (low + high) / 2, high}))
        middle = (axis.left + axis.right) / 2
        units = f"score in {source.caption.space}"
        canvas.draw_legend(middle, bottom + BAND + 24, units, sides=source.caption.sides)
        return canvas


def _get_finite(score: float | None, default: float) -> float:
    return score if score is not None and math.isfinite(score) else default


def _yield_steps(source: MapSource, difference: float, top: int) -> Iterator[Step]:
    """Yield the steps from the top: the largest columns, the others, and what is left."""
    values = source.values.astype(np.float64)
    ranking = rank_columns(values, top)
    for index in ranking.shown:
        colour = choose_colour(source, int(index))
        yield Step(format_column(source, int(index)), float(values[index]), colour)
    finite = np.where(np.isfinite(values), values, 0.0)
    if len(ranking.rest):
        rest = float(finite[ranking.rest].sum())
        yield Step(f"{len(ranking.rest):,} others", rest, FOR if rest > 0 else AGAINST)
    gap = difference - float(finite.sum())
    if abs(gap) > MIN_GAP * max(abs(difference), 1e-6):
        yield Step("not attributed", gap, GAP_COLOUR, is_gap=True)


def _draw_scores(
    canvas: Canvas, axis: Axis, scores: tuple[float, float], rows: tuple[int, int]
) -> None:
    """Draw the dashed lines of the score of the baseline, named below, and of the row, above."""
    top, bottom = rows
    labels = (("start: baseline", bottom + 8, "mt"), ("end: score", top - 8, "mb"))
    for value, (word, y, anchor) in zip(scores, labels, strict=True):
        x = axis.locate(value)
        canvas.draw_line((x, top - 4, x, bottom + 4), dash=DASH)
        middle = min(max(x, NAMES + LABEL_SPACE), WIDTH - LABEL_SPACE)
        text = f"{word} {format_number(value)}"
        canvas.write((middle, y), text, TICK_SIZE, anchor=anchor)


def _draw_steps(canvas: Canvas, axis: Axis, steps: Sequence[Step], ends: Sequence[float]) -> None:
    """Draw the bars from the top; bar `row` leads from `ends[row + 1]` to `ends[row]`."""
    for row, step in enumerate(steps):
        y = HEAD + BAND + ROW_HEIGHT * (row + 0.5)
        write_name(canvas, y, step.name)
        start, end = axis.locate(ends[row + 1]), axis.locate(ends[row])
        top = y - BAR_HEIGHT / 2
        if start != end:
            box = (start, top, end, top + BAR_HEIGHT - 1)
            canvas.fill_box(box, step.colour)
            if step.is_gap:
                canvas.draw_hatching(box, PAPER)
        if row + 1 < len(steps):
            canvas.draw_line((start, top, start, y + ROW_HEIGHT + BAR_HEIGHT / 2), CONNECTOR)
        text = format_number(step.value, signed=True)
        canvas.write((max(start, end) + 5, y), text, NUMBER_SIZE, anchor="lm")
