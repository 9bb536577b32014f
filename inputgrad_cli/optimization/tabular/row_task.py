"""Defines the task of changing one row: its space, its start, and the score that is wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.best_point_and_trace import NO_ROOM, NOT_FINITE, ZERO_GRADIENT
from inputgrad_cli.optimization.tabular.batched_query_scheduler import State
from inputgrad_cli.optimization.tabular.cheapest_linear_change import (
    LinearNeed,
    find_cheapest_change,
)
from inputgrad_cli.optimization.tabular.row_search_space import RowSpace

# Linear solutions aim higher by this share of the terms of the score: float32 loses as much.
AIM_MARGIN = 1e-6


@dataclass(frozen=True)
class RowTask:
    """The task to reach the score `wanted` at a point of the space for little cost.

    `start` is the state of the start. The cost is the weighted L1 or L2 `norm` of the change, of at
    most `max_changes` features if it is not 0.
    """

    space: RowSpace
    start: State
    wanted: float
    norm: str = "1"
    max_changes: int = 0

    def is_reached(self, state: State) -> bool:
        """Return whether the score of a state is enough."""
        return state.score >= self.wanted

    def find_obstacle(self, state: State) -> str:
        """Return why no search can go on from a state, an empty text if one can."""
        can_move = self.space.can_move
        if not np.isfinite(state.score) or not np.isfinite(state.gradient[can_move]).all():
            return NOT_FINITE
        if not can_move.any():
            return NO_ROOM
        return "" if state.gradient[can_move].any() else ZERO_GRADIENT

    def compute_need(self, state: State) -> float:
        """Return by how much the score of a state is to rise, with a margin for rounding."""
        terms = np.abs(state.gradient) @ np.abs(state.point)
        return self.wanted - state.score + AIM_MARGIN * (abs(self.wanted) + float(terms))

    def compute_cost(self, point: Array) -> float:
        """Return the cost of a point."""
        return float(self.space.compute_costs(point, self.norm))

    def find_target(self, state: State, norm: str) -> Array:
        """Return the point that is cheapest by a norm if the score is linear about a state."""
        start = self.space.start
        gain = self.compute_need(state) - float(state.gradient @ (start - state.point))
        need = LinearNeed(self.space, state.gradient, gain, norm, self.max_changes)
        return start + find_cheapest_change(need).delta

    def find_local_target(self, state: State, norm: str) -> Array:
        """Return the point nearest to a state that reaches the score if it is linear there.

        One-hot groups stay as they are in the state.
        """
        slopes = np.where(self.choose_movable(state), state.gradient, 0.0)
        space = replace(self.space, start=state.point, groups=())
        need = LinearNeed(space, slopes, self.compute_need(state), norm)
        return state.point + find_cheapest_change(need).delta

    def choose_movable(self, state: State) -> Array:
        """Return which numbers may change from a state, (D,): all, or as many as are allowed."""
        can_move = self.space.low < self.space.high
        if not self.max_changes:
            return can_move
        result = can_move & (state.point != self.space.start)
        gains = np.abs(state.gradient) / self.space.costs
        gains = np.where(can_move & ~result, gains, -np.inf)
        free = self.max_changes - self.count_changes(state.point)
        result[np.argsort(-gains, kind="stable")[:free]] = True
        return np.asarray(result & can_move)

    def count_changes(self, point: Array) -> int:
        """Return how many features of a point are changed; a group is one feature."""
        is_changed = point != self.space.start
        columns = is_changed[self.space.is_category].sum()  # two of each group
        return int(is_changed.sum() - columns // 2)
