"""Arithmetic of steps inside bounds: directions, lengths, and sums that never go too far.

Points are float32 (N, D). Directions and offsets from a start are float64 (N, D), computed from
float32, so that their squares do not vanish. `room` says how far each value may move along its
direction: from 0 to infinity.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array

LEAST_SHARE = 1e-100  # of the largest value of a direction; the square of a smaller one may vanish
LEAST_FREE = 1e-6  # of a sum; what is left of it by a difference has lost so many digits


def add_inward(start: Array, offsets: Any) -> Array:
    """Return start + offsets as float32, where no value moves by more than its offset.

    A sum that was rounded away from the start is replaced by the next number towards it, so that a
    point inside a ball stays inside for whoever measures it exactly.
    """
    sums = np.asarray((start + np.asarray(offsets, np.float64)).astype(np.float32))
    is_farther = np.abs(sums - start.astype(np.float64)) > np.abs(offsets)
    # By index, because to select every other value by a mask takes four times as long.
    farther = np.flatnonzero(is_farther)
    sums.reshape(-1)[farther] = np.nextafter(sums.reshape(-1)[farther], start.reshape(-1)[farther])
    return sums


def normalize_rows(gradients: Array) -> Array:
    """Return float64 rows (N, D) of L2 norm 1; rows of zeros stay.

    Values that are nothing next to the largest one become 0; none of float32 is so small.
    """
    directions = gradients.astype(np.float64)
    # By the largest value first, because the squares of very small ones would vanish.
    largest = np.abs(directions).max(axis=1, initial=0.0)
    directions /= np.where(largest > 0, largest, 1.0)[:, None]
    if gradients.dtype != np.float32:
        directions[np.abs(directions) < LEAST_SHARE] = 0.0
    norms = np.sqrt(np.square(directions).sum(axis=1))
    directions /= np.where(norms > 0, norms, 1.0)[:, None]
    return directions


def compute_room(directions: Array, points: Array, low: Array, high: Array) -> Array:
    """Return how far each value may move along its direction, float64; 0 where that is 0."""
    # By signs, because to select bounds by a mask takes four times as long; signs are exact.
    signs = np.sign(directions).astype(np.float32)
    with np.errstate(invalid="ignore"):  # infinity times 0; fmax prefers a number to NaN
        ends = np.fmax(signs * high, signs * low)
        room = np.subtract(ends, signs * points, dtype=np.float64)
        return np.asarray(np.fmax(room, 0.0, out=room))


def solve_scales(
    speeds: Array, room: Array, totals: Array, *, weights: Any = 1.0, power: int = 1
) -> Array:
    """Return t, (N,), with sum(weights * min(t * speeds, room) ** power) = totals.

    It is infinity where the sum stays below the total for every t. Each round solves the equation
    for the values that are not yet at the end of their room. Since their set can only shrink, t
    grows to the exact solution, mostly in less than ten rounds.
    """
    gains = weights * speeds**power
    ends = weights * room**power
    is_full = room <= 0
    while True:
        slopes = np.where(is_full, 0.0, gains).sum(axis=1)
        rest = np.maximum(totals - np.where(is_full, ends, 0.0).sum(axis=1), 0.0)
        with np.errstate(over="ignore"):  # offsets of nothing are far from any radius
            scales = np.divide(rest, slopes, out=np.full(len(rest), np.inf), where=slopes > 0)
        scales **= 1 / power
        with np.errstate(invalid="ignore"):  # infinity times 0, of values without a direction
            is_full_now = is_full | (scales[:, None] * speeds >= room)
        if np.array_equal(is_full, is_full_now):
            return np.asarray(scales)
        is_full = is_full_now


def scale_offsets(directions: Array, room: Array, scales: Array) -> Array:
    """Return scales * directions, float64 (N, D), where each value ends with its room."""
    with np.errstate(invalid="ignore"):  # infinity times 0; fmin prefers the room, 0, to NaN
        lengths = np.fmin(scales[:, None] * np.abs(directions), room)
    return np.asarray(np.copysign(lengths, directions))


def project_on_ball(offsets: Array, room: Array, radius: float) -> Array:
    """Return the nearest offsets of L2 norm `radius` at most, and inside their room.

    The nearest point of a ball and a box that holds its centre is the offset times s <= 1, cut by
    the box. To project on the ball and to cut afterwards gives another point.
    """
    scales = [_solve_scale(o, r, radius) for o, r in zip(np.abs(offsets), room, strict=True)]
    return scale_offsets(offsets, room, np.array(scales))


def _solve_scale(sizes: Array, room: Array, radius: float) -> float:
    """Return s <= 1 with sum(min(s * sizes, room) ** 2) <= radius ** 2, the largest, for (D,)."""
    squares = np.square(sizes)
    total, square = squares.sum(), radius**2
    # Only these may reach the end of their room; all others together are as if they were one.
    ending = np.flatnonzero(sizes > room)
    free = max(total - squares[ending].sum(), 0.0)
    if free < LEAST_FREE * total:  # too little is left of the difference
        squares[ending] = 0.0
        free = squares.sum()
    if free + np.square(room[ending]).sum() <= square:
        return 1.0
    speeds = np.concatenate([[np.sqrt(free)], sizes[ending]])
    ends = np.concatenate([[np.inf], room[ending]])
    (scale,) = solve_scales(speeds[None], ends[None], np.array([square]), power=2)
    return min(float(scale), 1.0)
