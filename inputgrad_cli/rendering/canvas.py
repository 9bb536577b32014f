"""A white canvas for text, bars, axes and legends, drawn with Pillow.

A picture that matplotlib draws costs 200 ms and more, one by Pillow a tenth of that, so kinds that
are drawn for every sample use this. Lengths are in pixels; the origin is the upper left corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.label_formatting import format_number
from inputgrad_cli.rendering.text_measuring import fit_text, load_font, prepare_text

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]  # left, top, right, bottom; both ends are drawn
FOR: Colour = (178, 24, 43)  # dark red of RdBu_r: raises the score; 6.9:1 on white
AGAINST: Colour = (33, 102, 172)  # dark blue of RdBu_r: lowers the score; 5.9:1 on white
INK: Colour = (17, 17, 17)
QUIET_INK: Colour = (85, 85, 85)
LINE: Colour = (51, 51, 51)
PAPER: Colour = (255, 255, 255)
TITLE_SIZE, NAME_SIZE, NUMBER_SIZE, TICK_SIZE = 15, 14, 13, 12  # of letters, in pixels
TICK = 4  # length of a tick
MARGIN = 8  # between the edge and a title
LEGEND = "← {}   {}   {} →"
DARK = 0.179  # relative luminance below which white text has more contrast than black (WCAG 2)


@dataclass(frozen=True)
class Axis:
    """A horizontal axis: `low` stands at the pixel `left`, and `high` at `right`."""

    left: float
    right: float
    low: float
    high: float

    def locate(self, value: float, overhang: float = 0.0) -> float:
        """Return the pixel of a value; beyond the ends at most `overhang` times the length."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        share = min(max(share, -overhang), 1.0 + overhang)
        return self.left + share * (self.right - self.left)

    @property
    def is_two_sided(self) -> bool:
        """Return whether zero lies between the ends."""
        return self.low < 0 < self.high


def build_axis(values: Sequence[float], ends: tuple[float, float]) -> Axis:
    """Return the axis of signed values between the pixels `ends`.

    It is symmetric about zero; one side is left out where no finite value lies. It ends at 1 where
    all values are zero or not finite.
    """
    finite = np.asarray([value for value in values if np.isfinite(value)], np.float64)
    limit = float(np.abs(finite).max(initial=0.0)) or 1.0
    low = -limit if (finite < 0).any() else 0.0
    return Axis(*ends, low, limit if (finite > 0).any() or not low else 0.0)


class Canvas:
    """A white picture of `width` by `height` pixels that is drawn into."""

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self._image = Image.new("RGB", (width, height), PAPER)
        self._pen = ImageDraw.Draw(self._image)
        self.width, self.height = width, height

    def write(
        self,
        point: tuple[float, float],
        text: str,
        size: int = NAME_SIZE,
        *,
        colour: Colour = INK,
        anchor: str = "la",
    ) -> None:
        """Write a line of text at a point; `anchor` is Pillow's: `lm`, `rm`, `mt`, ..."""
        self._pen.text(point, prepare_text(text), colour, load_font(size), anchor=anchor)

    def write_title(self, text: str) -> None:
        """Write the title in the upper left corner, cut to the width of the canvas."""
        self.write((MARGIN, 7), fit_text(text, self.width - 2 * MARGIN, TITLE_SIZE), TITLE_SIZE)

    def fill_box(self, box: Box, colour: Colour) -> None:
        """Fill a box, whose sides may be given in any order."""
        left, top, right, bottom = box
        corners = [min(left, right), min(top, bottom), max(left, right), max(top, bottom)]
        self._pen.rectangle(corners, colour)

    def draw_hatching(self, box: Box, colour: Colour, step: int = 5) -> None:
        """Draw diagonal lines in a box, which mark a bar that is cut off or only a remainder."""
        left, top, right, bottom = box
        left, right = min(left, right), max(left, right)
        height = bottom - top
        start = left - height
        while start < right:
            first, last = max(start, left), min(start + height, right)
            if last > first:
                line = [(first, bottom - (first - start)), (last, bottom - (last - start))]
                self._pen.line(line, colour)
            start += step

    def draw_line(self, box: Box, colour: Colour = LINE, dash: int = 0) -> None:
        """Draw a line between two corners of a box, in dashes of `dash` pixels unless it is 0."""
        left, top, right, bottom = box
        if not dash:
            self._pen.line([left, top, right, bottom], colour)
            return
        length = max(abs(right - left), abs(bottom - top))
        for start in np.arange(0, length, 2 * dash):
            ends = np.array([start, min(start + dash, length)]) / length
            xs, ys = left + ends * (right - left), top + ends * (bottom - top)
            self._pen.line([xs[0], ys[0], xs[1], ys[1]], colour)

    def draw_axis(self, axis: Axis, y: float, ticks: Sequence[float] = ()) -> None:
        """Draw an axis line at height `y`; by default ticks stand at both ends and at zero."""
        self.draw_line((axis.left, y, axis.right, y))
        for value in ticks or sorted({axis.low, 0.0, axis.high}):
            x = axis.locate(value)
            self.draw_line((x, y, x, y + TICK))
            self.write((x, y + TICK + 2), format_number(value), TICK_SIZE, colour=LINE, anchor="mt")

    def draw_legend(
        self,
        center: float,
        y: float,
        units: str,
        *,
        sides: Sequence[str] = (),
        has_nan: bool = False,
    ) -> None:
        """Write what values are, and that green is no number.

        `sides` are words for what lies below zero and above it, empty if all lies on one side.
        """
        text = LEGEND.format(sides[0], units, sides[1]) if sides else units
        width = min(2 * min(center, self.width - center), self.width) - 2 * MARGIN
        if has_nan:
            text += "   (green: not a number)"
        self.write((center, y), fit_text(text, width, NUMBER_SIZE), NUMBER_SIZE, anchor="mt")

    def draw_colours(self, box: Box, colours: Pixels) -> None:
        """Fill a box with a row of colours, (N, 3), from left to right, as a legend or a strip."""
        left, top, right, bottom = (round(side) for side in box)
        index = np.arange(right - left) * len(colours) // max(right - left, 1)
        self.draw_pixels((left, top), np.repeat(colours[index][np.newaxis], bottom - top, axis=0))

    def draw_pixels(self, point: tuple[int, int], pixels: Pixels) -> None:
        """Draw pixels (H, W, 3) with their upper left corner at a point."""
        from PIL import Image

        self._image.paste(Image.fromarray(np.ascontiguousarray(pixels)), point)

    def to_pixels(self) -> Pixels:
        """Return what was drawn, (H, W, 3)."""
        return np.asarray(self._image)


def choose_ink(colour: Sequence[int]) -> Colour:
    """Return black or white, the one that is easier to read on a colour: at least 4.58:1."""
    share = np.asarray(colour, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return (0, 0, 0) if linear @ (0.2126, 0.7152, 0.0722) > DARK else PAPER
