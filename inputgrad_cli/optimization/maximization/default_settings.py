"""Defaults of a maximization that depend on what is moved: all, a window, or an object."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Settings:
    """Parameters whose defaults depend on what is moved: steps, degrees, shares, a weight."""

    steps: int
    rotate: float
    scale: float
    smooth: float


WHOLE = Settings(256, 10.0, 0.05, 0.0)
# Smoothness as a share of the gradient: with 0.1 squares come in pairs, with 0.5 stars vanish.
WINDOW = replace(WHOLE, smooth=0.2)
# Smoothness in logits for an outline as long as a side: with 1.3 squares get a fifth corner, with
# 2.6 crosses lose an arm.
OBJECT = Settings(180, 180.0, 0.15, 2.0)
