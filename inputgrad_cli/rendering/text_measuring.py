"""Measures text in the font of pictures, and cuts it to a width."""

from __future__ import annotations

from functools import cache
from typing import Any

from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.rendering.label_formatting import (
    ISOLATE,
    LEFT_TO_RIGHT,
    MAX_NAME,
    POP_ISOLATE,
    join_name,
)

NARROW = 0.25  # ems, the width of the narrowest letters


@cache
def load_font(size: int) -> Any:
    """Return DejaVu Sans, which matplotlib brings along, in a size in pixels."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


@cache
def _can_shape() -> bool:
    """Return whether Pillow lays out text of both directions; without that, isolates are boxes."""
    from PIL import features

    return bool(features.check("raqm"))


def prepare_text(text: str) -> str:
    """Return text as the installed Pillow can draw it."""
    if _can_shape():
        return text
    return text.translate(dict.fromkeys(map(ord, (LEFT_TO_RIGHT, ISOLATE, POP_ISOLATE))))


def measure_text(text: str, size: int) -> float:
    """Return the width of a line of text."""
    return float(load_font(size).getlength(prepare_text(text)))


def fit_text(text: str, width: float, size: int) -> str:
    """Return printable text that is cut in its middle where it is wider than `width`."""
    label = fit_name(text, None, width, size, limit=len(to_printable(text)))
    return label.strip(LEFT_TO_RIGHT + ISOLATE + POP_ISOLATE)


def fit_name(
    name: str, value: str | None, width: float, size: int, *, limit: int = MAX_NAME
) -> str:
    """Return `name = value` in at most `width` pixels; the middle of the name is cut for it."""
    limit = min(limit, len(to_printable(name)), int(width / (NARROW * size)))
    while limit > 1:
        label = join_name(name, value, limit)
        excess = measure_text(label, size) - width
        if excess <= 0:
            return label
        limit -= max(1, int(excess / size))  # few letters are wider than an em
    return join_name(name, value, 1)
