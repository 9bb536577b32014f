"""How pictures are drawn: everything that a user may choose."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.rendering.colours import DIVERGING, SEQUENTIAL


@dataclass(frozen=True)
class Style:
    """`reduce` and `cmap` None mean what fits the method and the sign; `zoom` None what fits.

    `limit` is the end of a colour scale that several pictures share, and `signed` whether that has
    zero in its middle; None means each picture's own.
    """

    kind: str = "overlay"
    reduce: str | None = None
    cmap: str | None = None
    clip: float = 99.0
    alpha: float = 0.5
    zoom: int | None = None
    limit: float | None = None
    signed: bool | None = None

    def colours(self, signed: bool) -> str:
        """Return the name of the colour map."""
        return self.cmap or (DIVERGING if signed else SEQUENTIAL)

    def factor(self, height: int, width: int) -> int:
        """Return the whole factor that brings the short side to at least 224."""
        return self.zoom or max(1, -(-224 // min(height, width)))
