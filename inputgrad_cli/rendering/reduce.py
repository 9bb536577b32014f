"""From values per channel to one value a place, and to a scale for its colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.arrays import Array, Floats

_REDUCTIONS: dict[str, Callable[[Array], Array]] = {
    "sum": lambda v: v.sum(axis=-1),
    "l2": lambda v: np.sqrt(np.square(v).sum(axis=-1)),
    "max-abs": lambda v: np.abs(v).max(axis=-1),
    "mean-abs": lambda v: np.abs(v).mean(axis=-1),
    "positive": lambda v: np.maximum(v, 0).sum(axis=-1),
    "negative": lambda v: np.maximum(-v, 0).sum(axis=-1),
}


def reduce_channels(values: Array, how: str) -> Floats:
    """Return (H, W) float64 from (H, W, C); all but `sum` are magnitudes, zero or more."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(_REDUCTIONS[how](values.astype(np.float64)), np.float64)


def levelled(flat: Floats, how: str, level: str) -> Floats:
    """Return a map as it is drawn: from zero, or a signed one from its own finite `mean`."""
    finite = flat[np.isfinite(flat)]
    return flat - finite.mean() if level == "mean" and how == "sum" and finite.size else flat


@dataclass(frozen=True)
class Scale:
    """Values -limit..limit (signed, zero in the middle) or 0..limit become colours.

    A flat map has limit 0 and is drawn in the colour of zero.
    """

    limit: float
    signed: bool

    def place(self, values: Array) -> Floats:
        """Return the place of each value on the colour map, 0..1; NaN stays NaN."""
        if self.limit == 0:
            return np.where(np.isnan(values), np.nan, 0.5 if self.signed else 0.0)
        with np.errstate(over="ignore"):
            share = np.clip(values / self.limit, -1.0 if self.signed else 0.0, 1.0)
        return np.asarray((share + 1.0) / 2.0 if self.signed else share)


def find_limit(values: Array, clip: float) -> float:
    """Return the `clip` percentile of the finite absolute values; 0 where all are zero."""
    finite = np.abs(values[np.isfinite(values)])
    if not finite.size:
        return 0.0
    limit = float(np.percentile(finite, clip))
    # A map with a few live points has percentile zero; then the largest value is the scale.
    return limit or float(finite.max())
