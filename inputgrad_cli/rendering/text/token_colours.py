"""Colours the grounds of tokens."""

from __future__ import annotations

from functools import cache

import numpy as np

from inputgrad_cli.data.pictures.picture_style import DIVERGING, Scale, Style
from inputgrad_cli.numeric.array_helpers import Floats
from inputgrad_cli.rendering.canvas import Colour, choose_ink
from inputgrad_cli.rendering.colour_maps import NAN_COLOUR, Pixels, load_colour_table

DEPTH = 0.75  # of the colour map that words use; letters are hard to read on its darkest end
# Zero must be as white as the paper, and red and blue would claim a direction of magnitudes.
MAGNITUDES = "Purples"
STRIP_COLOURS = 256


def get_colour_map(style: Style, scale: Scale) -> str:
    """Return the name of the colour map: that of the style, if it names one."""
    return style.cmap or (DIVERGING if scale.signed else MAGNITUDES)


def paint_values(values: Floats, scale: Scale, cmap: str) -> Pixels:
    """Return the colour of each value, (T, 3); zero is white, what is not finite is green."""
    finite = np.isfinite(values)
    share = np.where(finite, values, 0.0) / (scale.limit or 1.0)
    share = DEPTH * np.clip(share, -1.0 if scale.signed else 0.0, 1.0)
    position = (share + 1.0) / 2.0 if scale.signed else share
    colours: Pixels = load_colour_table(cmap)[np.rint(position * 255).astype(int)]
    colours[finite & (share == 0)] = 255
    colours[~finite] = NAN_COLOUR
    return colours


@cache
def get_ink(colour: Colour) -> Colour:
    """Return the colour of letters on a ground; a colour map has few grounds."""
    return choose_ink(colour)


def build_scale_colours(scale: Scale, cmap: str) -> Pixels:
    """Return the colours of a legend from the lowest to the highest value, (256, 3)."""
    return paint_values(np.linspace(scale.low, scale.limit, STRIP_COLOURS), scale, cmap)
