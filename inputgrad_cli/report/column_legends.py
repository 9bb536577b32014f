"""Describes in words and colour bars what the colours of each column mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inputgrad_cli.errors import UsageError
from inputgrad_cli.rendering import label_formatting
from inputgrad_cli.rendering.thumbnails import encode_colour_bar
from inputgrad_cli.report.page_contents import ColourScale, Contents, Picture
from inputgrad_cli.report.path_and_number_formatting import format_number

RED_AND_BLUE = (
    "In bars, words and series, red raises the score and blue lowers it; the stronger the colour, "
    "the more. Methods that give magnitudes alone have red alone."
)
CHANGED = "Red was raised and blue was lowered; the stronger the colour, the more."


@dataclass(frozen=True)
class Legend:
    """A colour bar, as PNG, with the texts at its ends and below it."""

    column: str
    bar: bytes
    low: str
    high: str
    quantity: str

    @property
    def alt(self) -> str:
        """Return what the bar shows, in words."""
        return f"Colour bar of {self.column}: from {self.low} on the left to {self.high}"


def build_legends(contents: Contents) -> list[Legend]:
    """Return the colour bar of each column of pictures that has one."""
    legends = []
    for position, name in enumerate(contents.columns):
        cells = [item.cells[position] for item in contents.items]
        shown = [cell for cell in cells if isinstance(cell.body, Picture)]
        scales = [cell.scale for cell in shown if cell.scale is not None]
        if scales and (legend := _build_legend(name, scales)) is not None:
            legends.append(legend)
    return legends


def _build_legend(column: str, scales: Sequence[ColourScale]) -> Legend | None:
    first = scales[0]
    # One bar cannot explain two colour maps.
    if any(scale.colour_map != first.colour_map for scale in scales):
        return None
    # A run may name a colour map that this version does not have.
    try:
        bar = encode_colour_bar(first.colour_map)
    except UsageError:
        return None
    is_signed = any(scale.low < 0 for scale in scales)
    low, high = ("lowers the score", "raises the score") if is_signed else ("no effect", "strong")
    limits = sorted({scale.high for scale in scales})
    if len(limits) == 1:
        low = f"{format_number(first.low)}, {low}" if is_signed else f"0, {low}"
        high = f"{high}, {format_number(first.high)}"
    quantity = first.quantity + _describe_limits(limits)
    return Legend(column, bar, low=low, high=high, quantity=quantity)


def _describe_limits(limits: Sequence[float]) -> str:
    """Return what limits the scales of different pictures have, if they differ."""
    if len(limits) == 1:
        return ""
    ends = [label_formatting.format_number(limit) for limit in (limits[0], limits[-1])]
    return f"; each picture has its own scale, which ends at {ends[0]} to {ends[1]}"


def list_notes(contents: Contents) -> list[str]:
    """Return the sentences on colours that the cells need."""
    cells = [cell for item in contents.items for cell in item.cells]
    kinds = {cell.body.kind for cell in cells if cell.body is not None}
    if kinds <= {Picture.kind}:
        return []
    return [CHANGED if contents.is_search else RED_AND_BLUE]
