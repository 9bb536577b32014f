"""Draws the maps of one-hot sequences as logos: letters as high as their attributions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.input_modality import LOGO
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.picture import MAX_SAMPLES, Picture, pictures
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.numeric.pooling_to_pixels import pool_largest
from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.rendering.canvas import INK, NUMBER_SIZE, QUIET_INK, TITLE_SIZE, Canvas
from inputgrad_cli.rendering.colour_maps import NAN_COLOUR, Pixels
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY
from inputgrad_cli.rendering.label_formatting import format_number, shorten_name
from inputgrad_cli.rendering.series.axis_ticks import choose_ticks
from inputgrad_cli.rendering.series.stretched_letters import draw_stacks, measure_stacks
from inputgrad_cli.rendering.text_measuring import fit_text
from inputgrad_cli.schema.json_type_alias import JsonObject

ALPHABETS = {4: "ACGT", 5: "ACGTN", 20: "ACDEFGHIKLMNPQRSTVWY"}  # by the columns of a sequence
MAX_PLACES = 100  # in the row of letters; of a longer sequence the window of the largest value
LEFT, RIGHT, MIN_WIDTH = 64, 16, 480
MARGIN = 12
PLACE_WIDTHS = (10, 28)  # pixels; the widest for short sequences
LETTERS_WIDTH = 840  # pixels that the letters of a short sequence may fill
TITLE_HEIGHT, OVERVIEW_HEIGHT, PLOT_HEIGHT, AXIS_HEIGHT, NOTE_HEIGHT = 34, 48, 180, 28, 20
GAP = 10  # below the overview
TICK_DISTANCE, NUMBER_HEIGHT = 60, 13  # pixels between the numbers of an axis
GREY, WINDOW = (107, 107, 107), (250, 228, 160)
UNKNOWN = "?"  # the letter of a place of which the input is not known


@dataclass(frozen=True)
class Letters:
    """The heights of the letters, (L, A): those of the input alone, or of all with `is_stacked`.

    `alphabet` names the columns, `is_assumed` if nobody has said it.
    """

    heights: Floats
    alphabet: str
    is_assumed: bool
    is_stacked: bool

    @property
    def totals(self) -> Floats:
        """Return the value of each place, (L,): the sum of its letters."""
        return np.asarray(self.heights.sum(axis=1), np.float64)


@pictures.register
@dataclass(frozen=True)
class Logo(Picture):
    """Letters as high as the attribution of each place; those against the target upside down."""

    name = "logo"
    help = "letters as high as their attributions"
    subjects = "one-hot sequences"
    max_samples = MAX_SAMPLES

    def supports(self, layout: MapLayout) -> bool:
        """Return whether the map is (L, A), and shown as a logo by the user's choice."""
        return layout.subject == LOGO and len(layout.shape) == 2 and all(layout.shape)

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawings. Raises ItemError if the alphabet does not fit the map."""
        return [self._draw_source(source, style) for source in sources]

    def _draw_source(self, source: MapSource, style: Style) -> Drawing:
        letters = build_letters(source, style)
        scale = self.choose_scale(source, style)
        text: JsonObject = {
            **vars(source.caption),
            "kind": self.name,
            "alphabet": letters.alphabet,
            "scale": {"low": scale.low, "high": scale.limit},
        }
        ends = None if style.limit is None else (scale.limit, scale.low)
        pixels = draw_logo(letters, source.caption, ends)
        png = encode_png(pixels, TEXT_KEY, json.dumps(text, sort_keys=True))
        return Drawing(png, scale, not letters.heights.any())

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale of the stacks of letters."""
        top, bottom = measure_stacks(build_letters(source, style).heights)
        return Scale(max(top, -bottom), bottom < 0)


def build_letters(source: MapSource, style: Style) -> Letters:
    """Return the heights of the letters that the input has, or of all if it is not known.

    A place that is not one-hot, such as padding, has none.
    """
    values = np.asarray(source.values, np.float64)
    columns = values.shape[1]
    alphabet = style.alphabet or ALPHABETS.get(columns) or UNKNOWN * columns
    if len(alphabet) != columns:
        raise ItemError(
            f"--alphabet {alphabet}: names {len(alphabet)} letters, the sequence has {columns}",
            kind="shape",
        )
    seen = source.view.values
    if seen is not None and seen.shape == values.shape:
        return Letters(
            np.where(find_letters(seen), values, 0.0), alphabet, style.alphabet is None, False
        )
    if source.caption.copied:  # one value stands for all letters of a place
        return Letters(values[:, :1], UNKNOWN, False, False)
    return Letters(values, alphabet, style.alphabet is None, True)


def find_letters(seen: Array) -> Array:
    """Return where an input (L, A) has its letter, at places with a single 1 among zeros."""
    is_letter = np.asarray(seen == 1)
    is_single = (is_letter.sum(axis=1) == 1) & ((seen != 0).sum(axis=1) == 1)
    return np.asarray(is_letter & is_single[:, np.newaxis])


def draw_logo(letters: Letters, caption: Caption, ends: tuple[float, float] | None) -> Pixels:
    """Return the picture, (H, W, 3); `ends` are those of a scale that several pictures share."""
    first, stop = choose_window(letters.totals)
    places, low, high = stop - first, *PLACE_WIDTHS
    width = min(high, max(low, LETTERS_WIDTH // max(places, 1)))
    is_long = places < len(letters.heights)
    top = TITLE_HEIGHT + (OVERVIEW_HEIGHT + GAP) * is_long
    notes = "; ".join(_list_notes(letters))
    canvas = Canvas(
        max(MIN_WIDTH, LEFT + places * width + RIGHT),
        top + PLOT_HEIGHT + AXIS_HEIGHT + NOTE_HEIGHT * (1 + bool(notes)),
    )
    text_width = canvas.width - 2 * MARGIN
    title = to_printable(caption.format_line())
    canvas.write((MARGIN, 7), fit_text(title, text_width, TITLE_SIZE), TITLE_SIZE)
    if is_long:
        _draw_overview(canvas, letters.totals, (first, stop))
    part = letters.heights[first:stop]
    chosen_ends = ends or measure_stacks(part)
    area = draw_stacks(part, letters.alphabet, (PLOT_HEIGHT, width), chosen_ends)
    canvas.draw_pixels((LEFT, top), area)
    _draw_axes(canvas, top, chosen_ends, (first, stop, width))
    y = top + PLOT_HEIGHT + AXIS_HEIGHT
    for line, colour in ((_format_unit(caption, letters), INK), (notes, QUIET_INK)):
        text = fit_text(line, text_width, NUMBER_SIZE)
        canvas.write((MARGIN, y), text, NUMBER_SIZE, colour=colour)
        y += NOTE_HEIGHT
    return canvas.to_pixels()


def choose_window(totals: Floats) -> tuple[int, int]:
    """Return the places that are drawn, (first, stop): those around the largest magnitude."""
    length = len(totals)
    if length <= MAX_PLACES:
        return 0, length
    sizes = np.where(np.isfinite(totals), np.abs(totals), np.inf)
    first = min(max(int(np.argmax(sizes)) - MAX_PLACES // 2, 0), length - MAX_PLACES)
    return first, first + MAX_PLACES


def _draw_overview(canvas: Canvas, totals: Floats, window: tuple[int, int]) -> None:
    """Draw the values of the whole sequence in grey, and mark the part that is drawn below."""
    width = canvas.width - LEFT - RIGHT
    values = pool_largest(totals, width)
    limit = float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0
    middle = TITLE_HEIGHT + OVERVIEW_HEIGHT // 2
    scale = width / len(totals)
    left, right = (LEFT + end * scale for end in window)
    canvas.fill_box((left, TITLE_HEIGHT, right, TITLE_HEIGHT + OVERVIEW_HEIGHT), WINDOW)
    step = width / len(values)
    for index, value in enumerate(values.tolist()):
        left = LEFT + index * step
        end = middle - (value / limit if np.isfinite(value) else 1.0) * (OVERVIEW_HEIGHT // 2)
        colour = GREY if np.isfinite(value) else NAN_COLOUR
        canvas.fill_box((left, middle, left + max(step - 1, 0), end), colour)
    canvas.write((LEFT - 8, middle), "all", NUMBER_SIZE, colour=QUIET_INK, anchor="rm")


def _draw_axes(
    canvas: Canvas, top: int, ends: tuple[float, float], window: tuple[int, int, int]
) -> None:
    """Draw the axis of values with its ends and zero, and the positions below."""
    first, stop, width = window
    scale = PLOT_HEIGHT / ((ends[0] - ends[1]) or 1.0)
    zero = top + round(ends[0] * scale)
    right = LEFT + (stop - first) * width
    canvas.draw_line((LEFT - 2, zero, right, zero))
    canvas.draw_line((LEFT - 2, top, LEFT - 2, top + PLOT_HEIGHT))
    canvas.write((LEFT - 8, zero), "0", NUMBER_SIZE, anchor="rm")
    # The number at the lower end stands above it, because positions stand below.
    for value, y in ((ends[0], top), (ends[1], top + PLOT_HEIGHT - NUMBER_HEIGHT // 2)):
        if abs(y - zero) > NUMBER_HEIGHT:
            text = format_number(value, signed=True)
            canvas.write((LEFT - 8, y), text, NUMBER_SIZE, anchor="rm")
    bottom = top + PLOT_HEIGHT
    most = max(2, (stop - first) * width // TICK_DISTANCE)
    for tick in choose_ticks(first, stop - 1, most, least_step=1.0):
        x = LEFT + (tick - first + 0.5) * width
        canvas.draw_line((x, bottom + 2, x, bottom + 5))
        canvas.write((x, bottom + 7), f"{tick:.0f}", NUMBER_SIZE, anchor="mt")
    canvas.write((LEFT - 8, bottom + 7), "position", NUMBER_SIZE, colour=QUIET_INK, anchor="rt")


def _format_unit(caption: Caption, letters: Letters) -> str:
    """Return what the height of a letter is, and which side speaks for the target."""
    label = f" {shorten_name(caption.label)}" if caption.label else ""
    _, bottom = measure_stacks(letters.heights)
    low, high = caption.sides
    sides = f"   above: {high}{label}, below: {low}{label}" if bottom < 0 else ""
    return f"height: {to_printable(caption.quantity)}{sides}"


def _list_notes(letters: Letters) -> list[str]:
    """Return what a reader cannot see in the letters themselves."""
    notes = []
    if not letters.heights.any():
        notes.append("all zero")
    if not np.isfinite(letters.heights).all():
        notes.append("green: not finite")
    if letters.is_stacked:
        notes.append("all letters of each place, because the input is not known")
    if letters.is_assumed and UNKNOWN not in letters.alphabet:
        notes.append(f"columns read as {letters.alphabet}; --alphabet says otherwise")
    return notes
