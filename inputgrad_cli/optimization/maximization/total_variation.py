"""Total variation: how much neighbouring values differ, which is small for areas of one colour.

Rudin, Osher and Fatemi 1992, doi:10.1016/0167-2789(92)90242-F.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.maximization.parametrizations import Grid, split_points

LEAST_EDGE = 1 / 255  # of the range: smaller differences count by their squares, with a slope


def subtract_variation(
    changes: Array, gradients: Array, units: Array, grids: Sequence[Grid], weight: float
) -> Array:
    """Return gradients (N, D) that lower the total variation of changes (N, D), too.

    The slopes of the variation get `weight` times the length of the gradient of their input, so
    that the weight does not depend on the units of the score. `units` (N, D) are the ranges of the
    values. Plain vectors have no variation.
    """
    if not weight:
        return gradients
    shares = split_points(changes / np.where(units > 0, units, 1.0), grids)
    parts = split_points(gradients.astype(np.float64), grids)
    lowered = []
    for grid, values, slopes in zip(grids, shares, parts, strict=True):
        if grid.size:
            edges = compute_variation_slopes(values, grid)
            lengths = np.maximum(_measure(edges), np.finfo(float).tiny)
            slopes = slopes - weight * _measure(slopes) * (edges / lengths)
        lowered.append(slopes.reshape(len(changes), -1))
    return np.concatenate(lowered, axis=1)


def compute_variation(values: Array, grid: Grid) -> Array:
    """Return the total variation of values (N, ..., C), (N,): 0 for those of one colour."""
    _, lengths = _compute_differences(values, grid)
    return np.asarray((lengths - LEAST_EDGE).reshape(len(values), -1).sum(axis=1))


def compute_variation_slopes(values: Array, grid: Grid) -> Array:
    """Return the gradient of the total variation, (N, ..., C)."""
    steps, lengths = _compute_differences(values, grid)
    slopes = np.zeros_like(values)
    for axis, step in zip(grid.axes, steps, strict=True):
        flow = step / lengths
        slopes += np.diff(-flow, axis=axis, prepend=0.0)
    return slopes


def _compute_differences(values: Array, grid: Grid) -> tuple[list[Array], Array]:
    """Return the differences along each axis, and sqrt(|differences|^2 + LEAST_EDGE^2).

    The second counts all axes and channels of a position, (N, ..., 1).
    """
    steps = [np.diff(values, axis=axis, append=_take_last(values, axis)) for axis in grid.axes]
    squares = sum(np.square(step).sum(axis=-1, keepdims=True) for step in steps)
    return steps, np.asarray(np.sqrt(squares + LEAST_EDGE**2))


def _take_last(values: Array, axis: int) -> Array:
    return np.take(values, [-1], axis)


def _measure(slopes: Array) -> Array:
    """Return the L2 lengths of slopes (N, ..., C), (N, 1, ..., 1)."""
    axes = tuple(range(1, slopes.ndim))
    return np.asarray(np.sqrt(np.square(slopes).sum(axis=axes, keepdims=True)))
