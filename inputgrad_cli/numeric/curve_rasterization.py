"""Computes which part of each column of pixels a curve covers, so that no peak is lost."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array, Floats


def trace_columns(values: Array, width: int) -> tuple[Floats, Floats]:
    """Return the lowest and the highest value of a curve (T,) within each of `width` columns.

    The curve connects the centres of T cells of equal width by straight lines, and is level in the
    outer half of the first and the last cell. A value that is not finite is a gap of one cell. The
    result is NaN in columns that lie in a gap altogether.
    """
    length = len(values)
    edges = np.arange(width + 1) * (length / width)
    positions = np.union1d(edges, np.arange(length) + 0.5)
    heights = _interpolate(values, positions)
    starts = np.searchsorted(positions, edges)
    # Columns share the points at their edges, so that the curve has no holes between them.
    spans = np.stack([starts[:-1], starts[1:] + 1], axis=1).ravel()
    padded = np.append(heights, np.nan)
    return np.fmin.reduceat(padded, spans)[::2], np.fmax.reduceat(padded, spans)[::2]


def _interpolate(values: Array, positions: Floats) -> Floats:
    """Return the curve at positions in 0..T; next to a gap it is level to the end of its cell."""
    known = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    centred = np.clip(positions - 0.5, 0.0, len(values) - 1.0)
    left = np.floor(centred).astype(np.intp)
    right = np.minimum(left + 1, len(values) - 1)
    share = centred - left
    first, second = known[left], known[right]
    between = first + (second - first) * share
    # The border itself belongs to neither cell, or else the gap would lose a column.
    nearest = np.select([share < 0.5, share > 0.5], [first, second], np.nan)
    return np.asarray(np.where(np.isnan(between), nearest, between))


def cover_pixels(low: Floats, high: Floats, height: int) -> Floats:
    """Return the share (height, W) of each pixel that a line one pixel wide covers, in 0..1.

    `low` and `high` are the ends of the line in each column, in pixels from the upper edge, `low`
    the upper end. Columns of NaN stay empty.
    """
    tops = np.arange(height)[:, np.newaxis]
    with np.errstate(invalid="ignore"):
        upper, lower = np.maximum(low - 0.5, tops), np.minimum(high + 0.5, tops + 1)
        return np.asarray(np.nan_to_num(np.clip(lower - upper, 0.0, 1.0)))
