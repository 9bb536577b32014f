"""From values per channel to one value a place, and to a scale for its colours."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.numeric.arrays import Array, Floats

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


def reduce_channels(values: Array, how: str, copied: bool = False) -> Floats:
    """Return (..., H, W) float64 from (..., H, W, C); all but `sum` are magnitudes, zero or more.

    With `copied` each channel holds the one value of all: it counts once.
    """
    channels = 1 if copied else values.shape[-1]
    planes = [values[..., channel].astype(np.float64) for channel in range(channels)]
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(_REDUCTIONS[how](planes), np.float64)


def is_signed(flat: Array, how: str, sign: str) -> bool:
    """Return whether reduced maps of a method of this `sign` are drawn with zero in the middle."""
    if how != "sum" or sign == "positive":
        return False
    return sign == "signed" or bool((flat[np.isfinite(flat)] < 0).any())


@dataclass(frozen=True)
class Scale:
    """Values -limit..limit (signed, zero in the middle) or 0..limit become colours.

    A flat map has limit 0 and is drawn in the colour of zero.
    """

    limit: float
    signed: bool

    @property
    def low(self) -> float:
        """Return the value at the lower end."""
        return -self.limit if self.signed and self.limit else 0.0

    def ticks(self) -> list[float]:
        """Return the values that a colour bar names: both ends, and what is half way."""
        return sorted({self.low, (self.low + self.limit) / 2, self.limit})


def place(maps: Array, scales: Sequence[Scale]) -> Floats:
    """Return the place of each value of the maps, (N, H, W), on its scale, 0..1; NaN stays NaN.

    The scales are all signed, or none is.
    """
    signed = scales[0].signed
    limits = np.array([scale.limit for scale in scales]).reshape(-1, 1, 1)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        share = np.clip(maps / limits, -1.0 if signed else 0.0, 1.0)
    if not limits.all():
        share = np.where((limits == 0) & ~np.isnan(maps), 0.0, share)
    return np.asarray((share + 1.0) / 2.0 if signed else share)


def find_limits(maps: Array, clip: float) -> list[float]:
    """Return the `clip` percentile of the finite absolute values of each map, (N, H, W).

    It is 0 for a map that is zero everywhere.
    """
    rows = np.abs(maps).reshape(len(maps), -1)
    if np.isfinite(rows).all():
        return _limits(rows, clip)
    finite = [row[np.isfinite(row)] for row in rows]
    return [_limits(row[np.newaxis], clip)[0] if row.size else 0.0 for row in finite]


def _limits(rows: Array, clip: float) -> list[float]:
    """Return what `np.percentile` does; one partition takes a fifth of the time."""
    at = clip / 100.0 * (rows.shape[1] - 1)
    low = int(at)
    parted = np.partition(rows, low, axis=1)
    below, above = parted[:, low], parted[:, low + 1 :].min(axis=1, initial=np.inf)
    limits = below + (above - below) * (at - low) if at > low else below
    # A map with a few live points has percentile zero; then the largest value is the scale.
    return [float(limit or row.max()) for limit, row in zip(limits, rows, strict=True)]
