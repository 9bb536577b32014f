"""Finds the cheapest change of a row that raises a linear score by a needed amount.

For numbers the solutions are exact. The least weighted L1 norm is a fractional knapsack: features
are changed up to their bounds in the order of slope over cost. The least weighted L2 norm changes
each feature in proportion to slope over squared cost, up to its bound. Features on a grid take the
step that is enough, and one-hot groups the move that makes the whole change cheapest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.tabular.row_search_space import RowSpace

Order = NDArray[np.intp]
TOLERANCE = 1e-9  # share of a needed gain that may be missing; sums of float64 err by less


@dataclass(frozen=True)
class LinearNeed:
    """The need of a score with these slopes (D,) to rise by `gain`, which is finite.

    At most `max_changes` features may change, any number if it is 0; a group is one feature.
    """

    space: RowSpace
    slopes: Array
    gain: float
    norm: str = "1"
    max_changes: int = 0


@dataclass(frozen=True)
class Change:
    """A change (D,) of the start of a row, its cost, and the part of the gain that it lacks."""

    delta: Array
    cost: float
    shortfall: float

    def is_better(self, other: Change) -> bool:
        """Return whether the change lacks less of the gain, or as much and costs less."""
        return (self.shortfall, self.cost) < (other.shortfall, other.cost)


def find_cheapest_change(need: LinearNeed) -> Change:
    """Return the cheapest change with the needed gain, or that with the largest gain if none has.

    It is exact for numbers without a grid and at most one group. Of several groups, moves are added
    or changed as long as that makes the change cheaper.
    """
    moves: dict[int, int] = {}  # by index of the group: the column that becomes 1
    best = _complete(need, moves)
    is_improving = True
    # Each pass has to make the change better. There are finitely many moves, so the loop ends.
    while is_improving:
        is_improving = False
        for index, group in enumerate(need.space.groups):
            for option in (group.active, *group.options):
                trial = {**moves, index: option}
                if option == group.active:
                    del trial[index]
                if need.max_changes and len(trial) > need.max_changes:
                    continue
                change = _complete(need, trial)
                if change.is_better(best):
                    moves, best, is_improving = trial, change, True
    return best


def _complete(need: LinearNeed, moves: Mapping[int, int]) -> Change:
    """Return the cheapest change that includes these moves of groups."""
    space = need.space
    delta = np.zeros(len(space.start))
    for index, option in moves.items():
        delta[space.groups[index].active] -= 1
        delta[option] += 1
    gain = need.gain - float(need.slopes @ delta)
    if gain > 0 and (not need.max_changes or len(moves) < need.max_changes):
        limit = need.max_changes - len(moves) if need.max_changes else len(delta)
        delta += _change_numbers(need, gain, limit)
    missing = need.gain - float(need.slopes @ delta)
    shortfall = missing if missing > TOLERANCE * abs(need.gain) else 0.0
    return Change(delta, float(space.compute_costs(space.start + delta, need.norm)), shortfall)


def _change_numbers(need: LinearNeed, gain: float, limit: int) -> Array:
    """Return the cheapest change of at most `limit` features outside groups that has the gain."""
    rooms, slopes = need.space.compute_rooms(need.slopes), np.abs(need.slopes)
    order = _order_features(need.space, slopes, rooms)
    if len(order) > limit:
        order = _limit_features(order, slopes * np.where(slopes > 0, rooms, 0.0), gain, limit)
    score = _LinearScore(need.space, slopes, np.sign(need.slopes), rooms)
    return score.fill(gain, order) if need.norm == "1" else score.spread_on_grid(gain, order)


def _order_features(space: RowSpace, slopes: Array, rooms: Array) -> Order:
    """Return the features that can raise the score, the most gain for its cost first."""
    usable = np.flatnonzero((slopes > 0) & (rooms > 0))
    return usable[np.argsort(-(slopes / space.costs)[usable], kind="stable")]


def _limit_features(order: Order, capacities: Array, gain: float, limit: int) -> Order:
    """Return the first features, or those of the largest capacity if the first do not suffice."""
    if capacities[order[:limit]].sum() >= gain:
        return order[:limit]
    largest = set(order[np.argsort(-capacities[order], kind="stable")][:limit].tolist())
    return np.array([index for index in order.tolist() if index in largest], np.intp)


@dataclass(frozen=True)
class _LinearScore:
    """The arithmetic of one linear score: sizes of slopes, signs of changes, and rooms, (D,)."""

    space: RowSpace
    slopes: Array
    signs: Array
    rooms: Array

    def fill(self, gain: float, order: Order) -> Array:
        """Return the change of the least weighted L1 norm, or of the largest gain."""
        delta, cost = np.zeros(len(self.slopes)), 0.0
        best, best_cost = None, np.inf
        for count, index in enumerate(order.tolist()):
            amount = gain / self.slopes[index]
            if amount <= self.rooms[index]:
                trial = delta.copy()
                trial[index] = self._round_amount(index, amount, away=True) * self.signs[index]
                excess = (abs(trial[index]) - amount) * self.slopes[index]
                self._give_back(trial, excess, order[:count][::-1])
                trial_cost = float(np.abs(trial) @ self.space.costs)
                if trial_cost < best_cost:
                    best, best_cost = trial, trial_cost
            # On a grid, a part of the last step may be cheaper to gain by the next feature.
            amount = self._round_amount(index, min(amount, self.rooms[index]), away=False)
            delta[index] = amount * self.signs[index]
            gain -= amount * self.slopes[index]
            cost += self.space.costs[index] * amount
            # More features would only add to the cost.
            if gain <= 0 or cost >= best_cost:
                break
        return delta if best is None else best

    def _give_back(self, delta: Array, excess: float, order: Order) -> None:
        """Reduce the changes of features without a grid, in this order, by the excess of gain."""
        for index in order.tolist():
            if excess <= 0:
                return
            if not self.space.has_steps[index]:
                amount = min(abs(delta[index]), excess / self.slopes[index])
                delta[index] -= amount * self.signs[index]
                excess -= amount * self.slopes[index]

    def spread_on_grid(self, gain: float, order: Order) -> Array:
        """Return the change of the least weighted L2 norm; features on a grid are rounded up."""
        delta = self._spread(gain, order)
        on_grid = self.space.has_steps[order]
        if not on_grid.any():
            return delta
        away = self.space.round_away(self.space.start + delta) - self.space.start
        result = np.where(self.space.has_steps, away, 0.0)
        rest = gain - float(np.abs(result) @ self.slopes)
        return result + self._spread(rest, order[~on_grid]) if rest > 0 else result

    def _spread(self, gain: float, order: Order) -> Array:
        delta = np.zeros(len(self.slopes))
        while len(order):
            weights = self.slopes[order] / np.square(self.space.costs[order])
            amounts = weights * (gain / (weights @ self.slopes[order]))
            is_full = amounts >= self.rooms[order]
            if not is_full.any():
                delta[order] = amounts * self.signs[order]
                break
            full = order[is_full]
            delta[full] = self.rooms[full] * self.signs[full]
            gain = max(0.0, gain - float(self.rooms[full] @ self.slopes[full]))
            order = order[~is_full]
        return delta

    def _round_amount(self, index: int, amount: float, *, away: bool) -> float:
        """Return the amount that the grid of a feature allows, at least or at most `amount`."""
        if not self.space.has_steps[index]:
            return amount
        point = self.space.start.copy()
        point[index] += amount * self.signs[index]
        point = self.space.round_away(point) if away else self.space.round_back(point)
        return float(abs(point[index] - self.space.start[index]))
