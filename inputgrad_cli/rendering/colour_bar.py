"""Draws the scale of colours below a picture: both ends as numbers, and what a value is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.pictures.caption import SIDES
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.rendering.canvas import NUMBER_SIZE, TICK_SIZE, Canvas
from inputgrad_cli.rendering.colour_maps import load_colour_table
from inputgrad_cli.rendering.colour_scale import find_limits, is_signed
from inputgrad_cli.rendering.label_formatting import format_number

WIDTH, HEIGHT = 240, 12  # of the bar, in pixels
GAP = 6  # between the bar and its numbers
TEXT_TOP = HEIGHT + 4  # from the top of the bar to that of the text
TOTAL_HEIGHT = TEXT_TOP + NUMBER_SIZE + 4


@dataclass(frozen=True)
class ColourBar:
    """A scale of colours and the words for it; `has_nan` if the map holds what is not a number.

    `sides` are words for values below zero and above it.
    """

    scale: Scale
    cmap: str
    units: str
    has_nan: bool = False
    is_flat: bool = False
    sides: tuple[str, str] = SIDES


def build_scale(heat: Sequence[Array], style: Style, reduction: str, sign: str) -> Scale:
    """Return the scale that the parts of a picture share, or that of the run if there is one.

    It ends at the percentile `style.clip` of the absolute values that are drawn.
    """
    flat = np.concatenate([part.ravel() for part in heat])[np.newaxis]
    (limit,) = find_limits(flat, style.clip) if style.limit is None else (style.limit,)
    signed = is_signed(reduction, sign) if style.signed is None else style.signed
    return Scale(limit, signed)


def forget_limits(style: Style) -> Style:
    """Return the style for a scale of one picture alone."""
    return replace(style, limit=None, signed=None)


def draw_colour_bar(canvas: Canvas, center: int, top: int, bar: ColourBar) -> None:
    """Draw the bar with its upper edge at `top`; it takes `TOTAL_HEIGHT` pixels."""
    left, right = center - WIDTH // 2, center + WIDTH // 2
    canvas.draw_colours((left, top, right, top + HEIGHT), load_colour_table(bar.cmap))
    middle = top + HEIGHT // 2
    low, high = format_number(bar.scale.low), format_number(bar.scale.limit, bar.scale.signed)
    canvas.write((left - GAP, middle), low, TICK_SIZE, anchor="rm")
    canvas.write((right + GAP, middle), high, TICK_SIZE, anchor="lm")
    units = f"{bar.units}, zero everywhere" if bar.is_flat else bar.units
    sides = bar.sides if bar.scale.signed else ()
    canvas.draw_legend(center, top + TEXT_TOP, units, sides=sides, has_nan=bar.has_nan)
