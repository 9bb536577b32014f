"""The points that an attack may reach: those in a ball about the start and inside the bounds."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from inputgrad_cli.interfaces.goal import Problem, Rows
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.random_streams import draw_normal, draw_uniform
from inputgrad_cli.optimization.bounded_step_arithmetic import (
    add_inward,
    compute_room,
    normalize_rows,
    project_on_ball,
    scale_offsets,
    solve_scales,
)

HALVINGS = 24  # of the length that stays inside after rounding: finer than float32
SLACK = 1 + 1e-12  # an L2 norm is a sum in float64, which may be wrong in its last digits


class Ball(ABC):
    """Balls of one radius about the start of every item, cut by the item's bounds.

    `radius` is in the values of the problem. Every point that a method returns is inside, exactly:
    the distance of the float32 values is at most the radius.
    """

    def __init__(self, problem: Problem, radius: float) -> None:
        self.problem, self.radius = problem, radius

    @abstractmethod
    def move(self, points: Array, gradients: Array, rows: Rows, lengths: Array) -> Array:
        """Return the points after a step of steepest ascent of the lengths (N,), projected."""

    @abstractmethod
    def project(self, points: Array, rows: Rows) -> Array:
        """Return the nearest points inside, float32."""

    @abstractmethod
    def find_highest(self, gradients: Array, rows: Rows) -> Array:
        """Return the points inside whose score is the largest if it is linear."""

    @abstractmethod
    def draw_points(self, stream: str, restart: int, rows: Rows) -> Array:
        """Return a random point of each item, uniform in the ball, then cut by the bounds."""

    @abstractmethod
    def measure(self, points: Array, rows: Rows) -> Array:
        """Return the distances of points from their starts, in the norm of the ball."""

    def round_points(self, points: Array, rows: Rows) -> Array:
        """Return the points with values that a file stores, still inside.

        Where rounding leads out of the ball, the offset is shortened before it, as little as
        possible.
        """
        storable = self.problem.round_points(points, rows)
        is_outside = self.measure(storable, rows) > self.radius * SLACK
        if is_outside.any():
            storable[is_outside] = self._shorten(points[is_outside], rows[is_outside])
        return storable

    def _shorten(self, points: Array, rows: Rows) -> Array:
        start = take(self.problem.start, rows)
        offsets = points - start.astype(np.float64)
        # The start is inside, whatever the radius, so that there is always a result.
        best, low, high = start.copy(), np.zeros(len(rows)), np.ones(len(rows))
        for _ in range(HALVINGS):
            scales = (low + high) / 2
            trial = self.problem.round_points(add_inward(start, offsets * scales[:, None]), rows)
            fits = self.measure(trial, rows) <= self.radius * SLACK
            best[fits] = trial[fits]
            low, high = np.where(fits, scales, low), np.where(fits, high, scales)
        return best


class MaxBall(Ball):
    """Balls of the L-infinity norm: no value moves by more than the radius."""

    def __init__(self, problem: Problem, radius: float) -> None:
        super().__init__(problem, radius)
        # Points are clipped to bounds that are computed once. To cut an offset, and to add it to
        # the start again, goes beyond the radius in the last digit of some values.
        self._low = np.maximum(problem.low, add_inward(problem.start, -radius))
        self._high = np.minimum(problem.high, add_inward(problem.start, radius))

    def move(self, points: Array, gradients: Array, rows: Rows, lengths: Array) -> Array:
        """Return the points after a step of each value by the length, projected."""
        target = np.sign(gradients).astype(np.float32, copy=False)
        target *= lengths.astype(np.float32)[:, None]
        target += points
        return self._clip(target, rows)

    def project(self, points: Array, rows: Rows) -> Array:
        """Return the nearest points inside, float32."""
        return self._clip(points.astype(np.float32), rows)

    def find_highest(self, gradients: Array, rows: Rows) -> Array:
        """Return the corners that the gradients point to; a value of slope 0 stays."""
        start, low, high = (take(a, rows) for a in (self.problem.start, self._low, self._high))
        return np.asarray(np.where(gradients > 0, high, np.where(gradients < 0, low, start)))

    def draw_points(self, stream: str, restart: int, rows: Rows) -> Array:
        """Return a random point of each item, uniform in the ball, then cut by the bounds."""
        seeds, size = self.problem.seeds, self.problem.start.shape[1]
        draws = np.stack([draw_uniform(seeds[row], stream, restart, (size,)) for row in rows])
        offsets = self.radius * (2.0 * draws.astype(np.float64) - 1.0)
        return self._clip(add_inward(take(self.problem.start, rows), offsets), rows)

    def measure(self, points: Array, rows: Rows) -> Array:
        """Return the largest distance of a value from its start, float64 (N,)."""
        offsets = points - take(self.problem.start, rows).astype(np.float64)
        return np.asarray(np.abs(offsets).max(axis=1, initial=0.0))

    def _clip(self, points: Array, rows: Rows) -> Array:
        return np.clip(points, take(self._low, rows), take(self._high, rows), out=points)


class EuclideanBall(Ball):
    """Balls of the L2 norm. Values that may not move do not count."""

    def move(self, points: Array, gradients: Array, rows: Rows, lengths: Array) -> Array:
        """Return the points after a step along the gradient, of these L2 lengths, projected."""
        moved = np.empty(points.shape, np.float32)
        # Row by row: what one row needs stays in the cache.
        for row, length in enumerate(lengths):
            step = normalize_rows(gradients[[row]])
            step *= length
            step += points[row]
            moved[row] = self._project_row(step, rows[[row]])
        return moved

    def project(self, points: Array, rows: Rows) -> Array:
        """Return the nearest points inside, float32."""
        projected = np.empty(points.shape, np.float32)
        for row in range(len(rows)):
            projected[row] = self._project_row(points[[row]], rows[[row]])
        return projected

    def _project_row(self, points: Array, rows: Rows) -> Array:
        start = take(self.problem.start, rows)
        offsets = points - start.astype(np.float64)
        room = self._compute_room(offsets, rows)
        return add_inward(start, project_on_ball(offsets, room, self.radius))

    def find_highest(self, gradients: Array, rows: Rows) -> Array:
        """Return the points as far along the gradients as ball and bounds allow.

        Values at their bounds leave more of the radius to the others.
        """
        directions = normalize_rows(gradients)
        room = self._compute_room(directions, rows)
        totals = np.full(len(rows), self.radius**2)
        scales = solve_scales(np.abs(directions), room, totals, power=2)
        return add_inward(take(self.problem.start, rows), scale_offsets(directions, room, scales))

    def draw_points(self, stream: str, restart: int, rows: Rows) -> Array:
        """Return a random point of each item, uniform in the ball, then cut by the bounds."""
        offsets = np.stack([self._draw_offset(stream, restart, row) for row in rows])
        room = self._compute_room(offsets, rows)
        offsets = scale_offsets(offsets, room, np.ones(len(rows)))
        return add_inward(take(self.problem.start, rows), offsets)

    def _draw_offset(self, stream: str, restart: int, row: int) -> Array:
        seed, start = self.problem.seeds[row], self.problem.start[row]
        movable = self.problem.low[row] < self.problem.high[row]
        normal = draw_normal(seed, stream, restart, start.shape) * movable
        # Most of a ball is near its surface: the radius of a random point is that of U^(1/d).
        share = draw_uniform(seed, f"{stream}, length", restart, (1,)).astype(np.float64)
        length = self.radius * share ** (1 / max(int(movable.sum()), 1))
        return np.asarray(normalize_rows(normal[None])[0] * length)

    def measure(self, points: Array, rows: Rows) -> Array:
        """Return the L2 distances from the start, float64 (N,)."""
        offsets = points - take(self.problem.start, rows).astype(np.float64)
        return np.asarray(np.sqrt(np.square(offsets).sum(axis=1)))

    def _compute_room(self, directions: Array, rows: Rows) -> Array:
        start, low, high = (
            take(a, rows) for a in (self.problem.start, self.problem.low, self.problem.high)
        )
        return compute_room(directions, start, low, high)


BALLS: dict[str, type[Ball]] = {"inf": MaxBall, "2": EuclideanBall}


def take(array: Array, rows: Rows) -> Array:
    """Return the rows of an array, without a copy if those are all.

    The rows are in ascending order, each at most once.
    """
    return array if len(rows) == len(array) else array[rows]
