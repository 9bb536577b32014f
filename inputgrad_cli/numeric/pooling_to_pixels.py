"""Brings arrays to the number of pixels that a picture has for them, so that nothing gets lost."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array, Floats


def pool_largest(values: Array, size: int, axis: int = 0) -> Floats:
    """Return at most `size` values along an axis, float64: of each cell the one farthest from 0.

    Its sign is kept, because a mean of both signs would cancel out. A cell that holds a value that
    is not finite becomes NaN, so that it can be seen. An axis that is short enough is kept.
    """
    with np.errstate(invalid="ignore"):
        finite = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    length = values.shape[axis]
    if length <= size:
        return finite
    starts = np.arange(size) * length // size
    high = np.maximum.reduceat(finite, starts, axis=axis)
    low = np.minimum.reduceat(finite, starts, axis=axis)
    return np.asarray(np.where(-low > high, low, high))


def pool_mean(values: Array, size: int, axis: int = 0) -> Floats:
    """Return at most `size` values along an axis, float64: the mean of each cell."""
    wide = np.asarray(values, np.float64)
    length = values.shape[axis]
    if length <= size:
        return wide
    starts = np.arange(size) * length // size
    counts = np.diff(starts, append=length)
    shape = [1] * values.ndim
    shape[axis] = size
    return np.asarray(np.add.reduceat(wide, starts, axis=axis) / counts.reshape(shape))


def stretch(values: Array, size: int, axis: int = 0) -> Array:
    """Return `size` values along an axis, each the one whose cell holds the pixel's centre."""
    length = values.shape[axis]
    if length == size:
        return values
    index = (2 * np.arange(size) + 1) * length // (2 * size)
    stretched: Array = np.take(values, index, axis=axis)
    return stretched


def take_largest(values: Array, axis: int) -> Floats:
    """Return the value farthest from 0 along an axis, with its sign; NaN where any is NaN."""
    high, low = values.max(axis=axis), values.min(axis=axis)
    return np.asarray(np.where(-low > high, low, high))
