"""Draws letters that are stretched to the height of a value, as sequence logos have them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.rendering.canvas import Colour
from inputgrad_cli.rendering.colour_maps import NAN_COLOUR, Pixels

SIZE = 96  # pixels, of the letters that are scaled down
LEAST = 0.01  # of the largest height: smaller letters would be lines
# Told apart by every kind of colour sight, unlike the usual green and red.
COLOURS = {"A": (0, 153, 128), "C": (43, 131, 186), "G": (199, 127, 0)}
COLOURS |= {"T": (26, 26, 26), "U": (26, 26, 26)}
OTHER: Colour = (85, 85, 85)
MARK = 3  # pixels above and below the axis, of the mark for what is not finite


@cache
def _load_letter(letter: str) -> Any:
    """Return a bold letter as an image of its coverage, cut to its shape."""
    from matplotlib import get_data_path
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans-Bold.ttf", SIZE)
    image = Image.new("L", (2 * SIZE, 2 * SIZE))
    ImageDraw.Draw(image).text((SIZE // 2, SIZE // 4), letter, 255, font)
    return image.crop(image.getbbox() or (0, 0, 1, 1))


def draw_letter(area: Pixels, letter: str, box: tuple[int, int, int, int], *, flip: bool) -> None:
    """Draw a letter into a box (left, top, right, bottom) of pixels (H, W, 3), upside down or not.

    Nothing is drawn if the box is empty.
    """
    left, top, right, bottom = box
    if right <= left or bottom <= top:
        return
    cover = np.asarray(_load_letter(letter).resize((right - left, bottom - top)), np.float32) / 255
    cover = (cover[::-1] if flip else cover)[..., np.newaxis]
    colour = np.array(COLOURS.get(letter, OTHER), np.float32)
    part = area[top:bottom, left:right]
    area[top:bottom, left:right] = np.rint(part * (1 - cover) + colour * cover).astype(np.uint8)


def measure_stacks(heights: Floats) -> tuple[float, float]:
    """Return how far the stacks of letters, (L, A), reach up and down: (top, bottom)."""
    finite = np.where(np.isfinite(heights), heights, 0.0)
    top = np.maximum(finite, 0).sum(axis=1).max(initial=0.0)
    return float(top), float(np.minimum(finite, 0).sum(axis=1).min(initial=0.0))


def draw_stacks(
    heights: Floats, alphabet: str, size: tuple[int, int], ends: tuple[float, float]
) -> Pixels:
    """Return the stacks of letters of each place, (H, W, 3), small letters next to the axis.

    `heights` are (L, A), `size` is (H, width of a place), `ends` are the values at the upper and
    the lower edge. Letters of negative height stand below the axis, upside down.
    """
    height, width = size
    scale = height / ((ends[0] - ends[1]) or 1.0)
    zero = round(ends[0] * scale)
    area = np.full((height, len(heights) * width, 3), 255, np.uint8)
    least = LEAST * np.nanmax(np.abs(np.where(np.isfinite(heights), heights, 0)), initial=0.0)
    for index, column in enumerate(heights):
        left = index * width
        if not np.isfinite(column).all():
            area[max(zero - MARK, 0) : zero + MARK, left : left + width - 1] = NAN_COLOUR
            continue
        for letter, low, high in _stack(column, least):
            edges = sorted(round((ends[0] - end) * scale) for end in (low, high))
            box = (left, max(edges[0], 0), left + width - (width > 2), min(edges[1], height))
            draw_letter(area, alphabet[letter], box, flip=high < 0 or low < 0)
    return area


def _stack(column: Array, least: float) -> Iterator[tuple[int, float, float]]:
    """Yield the index of each letter that is drawn, and the values between which it stands."""
    up = down = 0.0
    for letter in np.argsort(np.abs(column), kind="stable").tolist():
        value = float(column[letter])
        if abs(value) < least or value == 0:
            continue
        if value > 0:
            yield letter, up, up + value
            up += value
        else:
            yield letter, down, down + value
            down += value
