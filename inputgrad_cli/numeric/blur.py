"""Gaussian blur along chosen axes. The edges mirror, so a flat picture stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from inputgrad_cli.numeric.arrays import Array, Floats


def blur(array: Array, sigma: float, axes: Sequence[int]) -> Floats:
    """Return `array`, float32, blurred along `axes`; `sigma` in pixels, 0 for no blur."""
    out = np.asarray(array, np.float32)
    for axis in axes if sigma > 0 else ():
        weights = _weights(float(sigma), out.shape[axis])
        out = np.moveaxis(np.tensordot(weights, out, (1, axis)), 0, axis)
    return out


@lru_cache(maxsize=16)
def _weights(sigma: float, size: int) -> Floats:
    """Return the matrix that blurs a row of `size` pixels; every row of it sums to one.

    Pixel j counts with all its mirror images, which stand at j and -1 - j, each 2 size apart; so
    what pixel i gets of it depends on i - j and on i + j + 1 alone.
    """
    turns = int(np.ceil(4 * sigma / (2 * size))) + 1  # beyond 4 sigma a Gaussian is nothing
    away = np.arange(2 * size) + 2 * size * np.arange(-turns, turns + 1)[:, np.newaxis]
    bell = np.exp(-((away / sigma) ** 2) / 2).sum(axis=0)
    here, there = np.arange(size)[:, np.newaxis], np.arange(size)
    total = bell[np.abs(here - there)] + bell[here + there + 1]
    return np.asarray(total / total.sum(axis=1, keepdims=True), np.float32)
