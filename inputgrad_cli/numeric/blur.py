"""Gaussian blur along chosen axes. Edges are mirrored, so a constant picture does not change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array, Floats


def blur(array: Array, sigma: float, axes: Sequence[int]) -> Floats:
    """Blur an array along `axes`; `sigma` is in pixels, 0 means no blur. Returns float32."""
    blurred = np.asarray(array, np.float32)
    for axis in axes if sigma > 0 else ():
        weights = _build_blur_matrix(float(sigma), blurred.shape[axis])
        blurred = np.moveaxis(np.tensordot(weights, blurred, (1, axis)), 0, axis)
    return blurred


@lru_cache(maxsize=16)
def _build_blur_matrix(sigma: float, size: int) -> Floats:
    """Return the (size, size) matrix that blurs a row of pixels; each of its rows sums to one.

    Pixel j contributes with all its mirror images, which lie at j and -1 - j plus multiples of
    2 size. Therefore its weight for pixel i depends on i - j and i + j + 1 only.
    """
    # Mirror images beyond 4 sigma have no noticeable weight.
    periods = int(np.ceil(4 * sigma / (2 * size))) + 1
    offsets = 2 * size * np.arange(-periods, periods + 1)
    distances = np.arange(2 * size) + offsets[:, np.newaxis]
    bell = np.exp(-((distances / sigma) ** 2) / 2).sum(axis=0)
    i, j = np.arange(size)[:, np.newaxis], np.arange(size)
    weights = bell[np.abs(i - j)] + bell[i + j + 1]
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
