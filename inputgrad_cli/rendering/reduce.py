"""From values per channel to one value a place, and to a scale for its colours."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.arrays import Array, Floats

_REDUCTIONS: dict[str, Callable[[list[Array]], Array]] = {
    "sum": lambda planes: _each(np.add, planes),
    "l2": lambda planes: np.sqrt(_each(np.add, [np.square(p) for p in planes])),
    "max-abs": lambda planes: _each(np.maximum, [np.abs(p) for p in planes]),
    "mean-abs": lambda planes: _each(np.add, [np.abs(p) for p in planes]) / len(planes),
    "positive": lambda planes: _each(np.add, [np.maximum(p, 0) for p in planes]),
    "negative": lambda planes: _each(np.add, [np.maximum(-p, 0) for p in planes]),
}


def _each(join: Callable[[Array, Array], Array], planes: list[Array]) -> Array:
    """Return the planes joined one by one: ten times as fast as along a last axis of three."""
    return functools.reduce(join, planes)


def reduce_channels(values: Array, how: str, level: str = "zero") -> Floats:
    """Return (H, W) float64 from (H, W, C); all but `sum` are magnitudes, zero or more.

    With `level` `mean` sums are taken from their own finite mean.
    """
    planes = [values[..., channel].astype(np.float64) for channel in range(values.shape[-1])]
    with np.errstate(invalid="ignore", over="ignore"):
        flat: Floats = np.asarray(_REDUCTIONS[how](planes), np.float64)
    if (level, how) != ("mean", "sum"):
        return flat
    finite = flat[np.isfinite(flat)]
    return flat - finite.mean() if finite.size else flat


def _percentile(values: Array, share: float) -> float:
    """Return what `np.percentile` does; one partition takes a fifth of the time."""
    place = share / 100.0 * (len(values) - 1)
    low = int(place)
    values = np.partition(values, low)
    below, above = float(values[low]), float(values[low + 1 :].min(initial=np.inf))
    return below + (above - below) * (place - low) if place > low else below


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
    limit = _percentile(finite, clip)
    # A map with a few live points has percentile zero; then the largest value is the scale.
    return limit or float(finite.max())
