"""Describes the points that a row of a table may become: ranges, grids, one-hot groups, costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.feature_constraints import Feature, Features
from inputgrad_cli.interfaces.goal import Problem
from inputgrad_cli.numeric.array_helpers import Array

GRID_TOLERANCE = 1e-6  # steps; the quotient of two floats misses a whole number by less


@dataclass(frozen=True)
class CategoryGroup:
    """A one-hot group of a row: the column that is 1, and the columns that may become 1."""

    active: int
    options: tuple[int, ...]


@dataclass(frozen=True)
class RowSpace:
    """The points that a row may become. All arrays are float64 (D,).

    The allowed values are the start, and those from `range_low` to `range_high`, which are float32
    numbers on the grid. `low` and `high` are these bounds, moved to contain the start, or both the
    start where a value may not move. `grid` is the distance of the allowed values, counted from
    `base`, 0 if all are allowed. The columns of groups, `is_category`, do not move alone.
    """

    start: Array
    low: Array
    high: Array
    range_low: Array
    range_high: Array
    grid: Array
    base: Array
    costs: Array
    is_category: Array
    groups: tuple[CategoryGroup, ...]

    def compute_rooms(self, slopes: Array) -> Array:
        """Return how far each value may move from the start toward higher scores."""
        return np.where(slopes > 0, self.high - self.start, self.start - self.low)

    def compute_costs(self, points: Array, norm: str) -> Array:
        """Return the costs of changing the start to points (..., D): a weighted L1 or L2 norm."""
        weights = np.abs(points - self.start) * self.costs
        total = weights.sum(axis=-1) if norm == "1" else np.square(weights).sum(axis=-1) ** 0.5
        return np.asarray(total)

    def clip(self, point: Array) -> Array:
        """Return the point with all values, except those of groups, moved into their bounds."""
        return np.where(self.is_category, point, np.clip(point, self.low, self.high))

    @property
    def can_move(self) -> Array:
        """Return which values may move, alone or with their group, (D,)."""
        result = self.low < self.high
        for group in self.groups:
            result[[group.active, *group.options]] = True
        return np.asarray(result)

    @property
    def has_steps(self) -> Array:
        """Return which values move by steps, because of a grid or a start outside of the range."""
        outside = (self.start < self.range_low) | (self.start > self.range_high)
        return np.asarray((self.grid > 0) | outside)

    def round_near(self, point: Array) -> Array:
        """Return the nearest allowed values."""
        values = self._keep_free(point, np.rint(self._count_steps(point)))
        values = np.where(self._is_outside(values), self._get_entry(), values)
        is_start_nearer = np.abs(point - self.start) < np.abs(point - values)
        return self._store(np.where(is_start_nearer, self.start, values))

    def round_away(self, point: Array) -> Array:
        """Return the nearest allowed values that are as far from the start, or farther."""
        steps, rises = self._count_steps(point), point > self.start
        whole = np.where(rises, np.ceil(steps - GRID_TOLERANCE), np.floor(steps + GRID_TOLERANCE))
        values = self._keep_free(point, whole)
        return self._store(np.where(self._is_outside(values), self._get_entry(), values))

    def round_back(self, point: Array) -> Array:
        """Return the nearest allowed values that are as far from the start, or nearer."""
        steps, rises = self._count_steps(point), point > self.start
        whole = np.where(rises, np.floor(steps + GRID_TOLERANCE), np.ceil(steps - GRID_TOLERANCE))
        values = self._keep_free(point, whole)
        is_behind = np.where(rises, values < self.start, values > self.start)
        return self._store(np.where(is_behind | self._is_outside(values), self.start, values))

    def _count_steps(self, point: Array) -> Array:
        return np.asarray((point - self.base) / np.where(self.grid > 0, self.grid, 1.0))

    def _keep_free(self, point: Array, whole: Array) -> Array:
        """Return the values after so many steps of the grid, or the point where it is allowed."""
        is_free = (self.grid == 0) | (point == self.start)
        return np.where(is_free, point, whole * self.grid + self.base)

    def _is_outside(self, values: Array) -> Array:
        """Return which values are between the start and a range that does not contain it."""
        below = (self.start < self.range_low) & (self.start < values) & (values < self.range_low)
        above = (self.start > self.range_high) & (self.start > values) & (values > self.range_high)
        return np.asarray(below | above)

    def _get_entry(self) -> Array:
        """Return the bounds of the ranges that are nearer to the start."""
        return np.where(self.start < self.range_low, self.range_low, self.range_high)

    def _store(self, values: Array) -> Array:
        """Return the values as float32 numbers within the bounds."""
        return self.clip(values.astype(np.float32)).astype(np.float64)


def build_row_space(problem: Problem, index: int) -> RowSpace:
    """Return the points that an item of the problem may become.

    Without features every value is a number, and a change by one unit costs 1. A value stays as it
    is if its range is empty, and so does a group unless one column is 1, and the others are 0.
    """
    start = np.asarray(problem.start[index], np.float64)
    features = problem.features or Features(tuple(Feature("") for _ in start))
    columns = features.columns
    bounds = np.array([feature.bounds for feature in columns]).reshape(-1, 2)
    grid = np.array([feature.grid for feature in columns])
    is_whole = np.array([feature.kind != "number" for feature in columns], bool)
    base = np.where(np.isfinite(bounds[:, 0]), bounds[:, 0], 0.0)
    base = np.where(is_whole, np.ceil(base), base)
    low = np.maximum(bounds[:, 0], problem.low[index])
    high = np.minimum(bounds[:, 1], problem.high[index])
    range_low, range_high = _round_bounds(low, high, grid, base)
    is_empty = range_low > range_high
    is_fixed = np.array([feature.frozen for feature in columns], bool) | is_empty
    only_up = np.array([feature.direction == "up" for feature in columns], bool)
    only_down = np.array([feature.direction == "down" for feature in columns], bool)
    low = np.where(is_fixed | only_up, start, np.minimum(range_low, start))
    high = np.where(is_fixed | only_down, start, np.maximum(range_high, start))
    is_category = np.array([bool(feature.group) for feature in columns], bool)
    return RowSpace(
        start,
        np.where(is_category, start, low),
        np.where(is_category, start, high),
        range_low,
        range_high,
        np.where(is_category, 0.0, grid),
        base,
        np.array([feature.unit_cost for feature in columns]),
        is_category,
        _build_groups(features, start, low, high),
    )


def _round_bounds(low: Array, high: Array, grid: Array, base: Array) -> tuple[Array, Array]:
    """Return the outermost float32 numbers within the bounds that are on the grid."""
    unit = np.where(grid > 0, grid, 1.0)
    with np.errstate(invalid="ignore"):
        first = np.ceil((low - base) / unit - GRID_TOLERANCE) * unit + base
        last = np.floor((high - base) / unit + GRID_TOLERANCE) * unit + base
    low, high = np.where(grid > 0, first, low), np.where(grid > 0, last, high)
    low32, high32 = low.astype(np.float32), high.astype(np.float32)
    low32 = np.where(low32 < low, np.nextafter(low32, np.float32(np.inf)), low32)
    high32 = np.where(high32 > high, np.nextafter(high32, np.float32(-np.inf)), high32)
    return low32.astype(np.float64), high32.astype(np.float64)


def _build_groups(
    features: Features, start: Array, low: Array, high: Array
) -> tuple[CategoryGroup, ...]:
    groups = []
    for indices in features.groups.values():
        values = start[list(indices)]
        if sorted(values) != [0.0] * (len(indices) - 1) + [1.0]:
            continue
        active = indices[int(values.argmax())]
        options = _list_options(indices, active, high)
        if options and low[active] <= 0:
            groups.append(CategoryGroup(active, options))
    return tuple(groups)


def _list_options(indices: Sequence[int], active: int, high: Array) -> tuple[int, ...]:
    return tuple(index for index in indices if index != active and high[index] >= 1)
