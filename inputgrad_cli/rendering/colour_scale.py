"""Reduces maps to one value per pixel, and computes the scale of their colours."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from inputgrad_cli.data.pictures.picture_style import Scale
from inputgrad_cli.numeric.array_helpers import Array, Floats

_REDUCTIONS: dict[str, Callable[[list[Array]], Array]] = {
    "sum": lambda planes: _reduce_planes(np.add, planes),
    "l2": lambda planes: np.sqrt(_reduce_planes(np.add, [np.square(p) for p in planes])),
    "max-abs": lambda planes: _reduce_planes(np.maximum, [np.abs(p) for p in planes]),
    "mean-abs": lambda planes: _reduce_planes(np.add, [np.abs(p) for p in planes]) / len(planes),
    "positive": lambda planes: _reduce_planes(np.add, [np.maximum(p, 0) for p in planes]),
    "negative": lambda planes: _reduce_planes(np.add, [np.maximum(-p, 0) for p in planes]),
}


def _reduce_planes(join: Callable[[Array, Array], Array], planes: list[Array]) -> Array:
    """Return the planes joined one by one, ten times as fast as along a last axis of three."""
    return functools.reduce(join, planes)


def reduce_channels(values: Array, reduction: str, copied: bool = False) -> Floats:
    """Return (..., H, W) float64 from (..., H, W, C); all but `sum` are magnitudes, zero or more.

    With `copied`, all channels hold the same value, which is counted once.
    """
    channels = 1 if copied else values.shape[-1]
    planes = [values[..., channel].astype(np.float64) for channel in range(channels)]
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(_REDUCTIONS[reduction](planes), np.float64)


def is_signed(reduction: str, sign: str) -> bool:
    """Return whether the colour scale of reduced maps has zero in its middle.

    Only the method decides it, so that all maps of a method can be compared.
    """
    return reduction == "sum" and sign == "signed"


def normalize(maps: Array, scales: Sequence[Scale]) -> Floats:
    """Return the position of each value of the maps, (N, H, W), on its scale, in 0..1.

    NaN stays NaN. The scales must be all signed or all unsigned.
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
        return _compute_percentiles(rows, clip)
    finite = [row[np.isfinite(row)] for row in rows]
    return [_compute_percentiles(row[np.newaxis], clip)[0] if row.size else 0.0 for row in finite]


def _compute_percentiles(rows: Array, clip: float) -> list[float]:
    """Return the percentile of each row, as `np.percentile` does, in a fifth of its time."""
    position = clip / 100.0 * (rows.shape[1] - 1)
    low = int(position)
    partitioned = np.partition(rows, low, axis=1)
    below, above = partitioned[:, low], partitioned[:, low + 1 :].min(axis=1, initial=np.inf)
    limits = below + (above - below) * (position - low) if position > low else below
    # A map with few values above zero has percentile zero, and then its maximum is the limit.
    return [float(limit or row.max()) for limit, row in zip(limits, rows, strict=True)]
