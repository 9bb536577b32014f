"""Draws a text as an image: words on coloured grounds, wrapped, with a strip of the whole text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from inputgrad_cli.numeric.pooling_to_pixels import pool_largest
from inputgrad_cli.rendering.canvas import PAPER, QUIET_INK, Canvas
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.label_formatting import format_number
from inputgrad_cli.rendering.text.html_text import TextView
from inputgrad_cli.rendering.text.legend_wording import format_title, format_unit, list_remarks
from inputgrad_cli.rendering.text.line_layout import (
    PADDING,
    Line,
    PlacedToken,
    break_lines,
    select_lines,
)
from inputgrad_cli.rendering.text.token_colours import (
    build_scale_colours,
    get_ink,
    paint_values,
)
from inputgrad_cli.rendering.text.token_display import Passage
from inputgrad_cli.rendering.text_measuring import fit_text, measure_text

WIDTH, MARGIN = 900, 12
TEXT_WIDTH = WIDTH - 2 * MARGIN
TITLE_HEIGHT = 34
STRIP_HEIGHT, STRIP_GAP = 12, 12  # of the overview, and below it
LINE_HEIGHT, GROUND_HEIGHT = 32, 28  # of one line, and of the colour below its words
WORD_SIZE, NOTE_SIZE = 16, 13  # of letters
LEGEND_HEIGHT, NOTE_HEIGHT = 30, 20
BAR_WIDTH, BAR_HEIGHT = 160, 12  # of the legend
DOT = 2  # length of the dots of an outline
FRAME = (170, 170, 170)


def draw_text(view: TextView) -> Pixels:
    """Return the picture of a text, (H, 900, 3)."""
    lines = break_lines(view.passage, TEXT_WIDTH, _measure_word)
    shown = select_lines(lines)
    top = TITLE_HEIGHT + (STRIP_HEIGHT + STRIP_GAP if len(lines) > 1 else 0)
    hidden = len(view.passage.tokens) - sum(len(line.tokens) for line in shown)
    remarks = list_remarks(view.passage, view.reduction, hidden)
    bottom = top + LINE_HEIGHT * len(shown)
    canvas = Canvas(WIDTH, bottom + LEGEND_HEIGHT + (NOTE_HEIGHT if remarks else 0))
    title = fit_text(format_title(view.caption), TEXT_WIDTH, WORD_SIZE)
    canvas.write((MARGIN, 7), title, WORD_SIZE)
    if len(lines) > 1:
        _draw_strip(canvas, view)
    _draw_lines(canvas, view, shown, top)
    _draw_legend(canvas, view, bottom + LEGEND_HEIGHT // 2)
    note = fit_text("; ".join(remarks), TEXT_WIDTH, NOTE_SIZE)
    canvas.write((MARGIN, bottom + LEGEND_HEIGHT), note, NOTE_SIZE, colour=QUIET_INK)
    return canvas.to_pixels()


@lru_cache(maxsize=64)
def _fit_word(text: str) -> str:
    """Return a word that fits into a line."""
    return fit_text(text, TEXT_WIDTH - 2 * PADDING, WORD_SIZE)


@lru_cache(maxsize=1 << 14)  # words repeat, within a text and from text to text
def _measure_word(text: str) -> float:
    return round(min(measure_text(text, WORD_SIZE), TEXT_WIDTH - 2 * PADDING))


def _draw_strip(canvas: Canvas, view: TextView) -> None:
    """Draw the values of the whole text in one strip, which shows where the strong words are."""
    values = pool_largest(view.passage.values, TEXT_WIDTH)
    colours = paint_values(values, view.scale, view.cmap)
    colours = colours[::-1] if view.passage.is_right_to_left else colours
    left, top = MARGIN, TITLE_HEIGHT
    right, bottom = left + TEXT_WIDTH, top + STRIP_HEIGHT
    canvas.fill_box((left - 1, top - 1, right, bottom), FRAME)
    canvas.draw_colours((left, top, right, bottom), colours)


def _draw_lines(canvas: Canvas, view: TextView, lines: Sequence[Line], top: int) -> None:
    """Draw the lines; a dashed line stands where others are left out."""
    values = view.passage.values
    colours = paint_values(values, view.scale, view.cmap).tolist()
    first = _find_first_position(view.passage)
    following = 0
    for row, line in enumerate(lines):
        y = top + row * LINE_HEIGHT
        if line.index != following:
            canvas.draw_line((MARGIN, y - 3, WIDTH - MARGIN, y - 3), FRAME, dash=4)
        following = line.index + 1
        for placed in line.tokens:
            _draw_word(canvas, placed, y, colours[placed.token.position - first])


def _find_first_position(passage: Passage) -> int:
    return passage.tokens[0].position if passage.tokens else 0


def _draw_word(canvas: Canvas, placed: PlacedToken, y: int, colour: Sequence[int]) -> None:
    left = MARGIN + placed.left
    box = (left, y, left + placed.width - 1, y + GROUND_HEIGHT - 1)
    red, green, blue = colour
    if (red, green, blue) != PAPER:
        canvas.fill_box(box, (red, green, blue))
    if placed.token.is_unknown:
        _draw_outline(canvas, box)
    text = placed.token.text
    if placed.width >= TEXT_WIDTH:
        text = _fit_word(text)
    canvas.write(
        (left + PADDING, y + GROUND_HEIGHT // 2),
        text,
        WORD_SIZE,
        colour=get_ink((red, green, blue)),
        anchor="lm",
    )


def _draw_outline(canvas: Canvas, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    for side in (
        (left, top, right, top),
        (left, bottom, right, bottom),
        (left, top, left, bottom),
        (right, top, right, bottom),
    ):
        canvas.draw_line(side, QUIET_INK, dash=DOT)


def _draw_legend(canvas: Canvas, view: TextView, y: int) -> None:
    """Draw the scale with its ends, and what its values are."""
    scale, x = view.scale, float(MARGIN)
    if scale.limit:
        for end in (scale.low, scale.limit):
            text = format_number(end, signed=True)
            canvas.write((x, y), text, NOTE_SIZE, anchor="lm")
            x += measure_text(text, NOTE_SIZE) + 8
            if end != scale.limit:
                box = (x, y - BAR_HEIGHT // 2, x + BAR_WIDTH, y + BAR_HEIGHT // 2)
                canvas.fill_box((box[0] - 1, box[1] - 1, box[2], box[3]), FRAME)
                canvas.draw_colours(box, build_scale_colours(scale, view.cmap))
                x += BAR_WIDTH + 8
        x += 12
    unit = format_unit(view.caption, view.reduction, is_signed=scale.signed)
    unit = fit_text(unit, WIDTH - MARGIN - x, NOTE_SIZE)
    canvas.write((x, y), unit, NOTE_SIZE, anchor="lm")
