"""Holds the style of pictures, which is all options that a user may set, and their scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import cast

from inputgrad_cli.schema.journal_line import StyleRecord

SEQUENTIAL = "inferno"  # for values from zero on
DIVERGING = "RdBu_r"  # for values of both signs
MAX_PIXELS = 1 << 26  # of an enlarged picture; 8192 by 8192 pixels take 400 MB to write
TOP = 10  # columns of a table that are shown by themselves, unless a style has another number


@dataclass(frozen=True)
class Style:
    """The style of pictures. `reduce`, `cmap` and `zoom` are chosen for each picture if None.

    `on` is `model` for the input as the model sees it, `original` for the file's own picture. With
    `smooth`, maps of inputs are drawn blurred. `keep` is the percentage of the pixels that a
    percentile picture shows, `top` the number of columns of a table that are shown by themselves.

    `scale` is `item`, or `run` for one scale of all pictures. `limit` is then the end of that
    scale, and `signed` is true if zero is in its middle; both are None for a scale per picture.
    `show` has pairs of an input or layer and what its maps are shown as, one of `SHOWN`.
    `alphabet` has the letters of one-hot sequences, in the order of their columns.
    """

    kind: str = "overlay"
    reduce: str | None = None
    cmap: str | None = None
    clip: float = 99.0
    alpha: float = 0.5
    zoom: int | None = None
    scale: str = "item"
    on: str = "model"
    smooth: bool = False
    keep: float = 10.0
    top: int = TOP
    limit: float | None = None
    signed: bool | None = None
    show: tuple[tuple[str, str], ...] = ()
    alphabet: str | None = None

    def record(self) -> StyleRecord:
        """Return the fields that differ from the defaults, as they are stored in records."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {f.name: values[f.name] for f in fields(self) if values[f.name] != f.default}
        if self.show:
            changed["show"] = dict(self.show)
        return cast(StyleRecord, changed)

    def get_colour_map(self, signed: bool) -> str:
        """Return the name of the colour map for a scale that is `signed` or not."""
        return self.cmap or (DIVERGING if signed else SEQUENTIAL)

    def get_zoom(self, height: int, width: int) -> int:
        """Return the integer factor that enlarges the shorter side to at least 224 pixels.

        The factor is smaller if the picture would exceed `MAX_PIXELS`.
        """
        max_zoom = math.isqrt(MAX_PIXELS // (height * width))
        return self.zoom or max(1, min(max_zoom, -(-224 // min(height, width))))


@dataclass(frozen=True)
class Scale:
    """The range of values that colours span: -limit..limit if `signed`, else 0..limit.

    A flat map has limit 0 and is drawn in the colour of zero.
    """

    limit: float
    signed: bool

    @property
    def low(self) -> float:
        """Return the value at the lower end."""
        return -self.limit if self.signed and self.limit else 0.0

    def join(self, other: Scale | None) -> Scale:
        """Return the scale that covers this one and another, if there is one."""
        if other is None:
            return self
        return Scale(max(self.limit, other.limit), self.signed or other.signed)
