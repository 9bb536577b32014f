"""How pictures are drawn: everything that a user may choose."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from inputgrad_cli.rendering.colour_maps import DIVERGING, SEQUENTIAL

MAX_PIXELS = 1 << 26  # of a picture that is enlarged: 8192 by 8192 take 400 MB to write


@dataclass(frozen=True)
class Style:
    """`reduce` and `cmap` None mean what fits the method and the sign; `zoom` None what fits.

    `scale` is `item`, or `run` for one that all pictures share: `limit` is then its end, and
    `signed` whether it has zero in its middle; None means each picture's own.
    """

    kind: str = "overlay"
    reduce: str | None = None
    cmap: str | None = None
    clip: float = 99.0
    alpha: float = 0.5
    zoom: int | None = None
    scale: str = "item"
    limit: float | None = None
    signed: bool | None = None

    def record(self) -> dict[str, Any]:
        """Return what differs from the usual style, as it stands in records."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {f.name: told[f.name] for f in fields(self) if told[f.name] != f.default}

    def colours(self, signed: bool) -> str:
        """Return the name of the colour map."""
        return self.cmap or (DIVERGING if signed else SEQUENTIAL)

    def factor(self, height: int, width: int) -> int:
        """Return the whole factor that brings the short side to at least 224, in bounds."""
        most = math.isqrt(MAX_PIXELS // (height * width))
        return self.zoom or max(1, min(most, -(-224 // min(height, width))))
