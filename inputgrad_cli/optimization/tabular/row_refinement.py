"""Makes a change of one row cheaper that reaches the wanted score already."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inputgrad_cli.optimization.best_point_and_trace import REACHED
from inputgrad_cli.optimization.tabular.batched_query_scheduler import ItemSearch, Query, State
from inputgrad_cli.optimization.tabular.row_task import RowTask

MAX_REFINEMENTS = 5  # linear steps from a state that is reached already
MIN_SAVING = 1e-3  # share of the cost, below which a refinement is not worth a gradient
MAX_PRUNED = 100  # features that are tried; rows of tables seldom change more
SHRINKINGS = 8  # bisections of the length of the change: to 1/256


def refine(task: RowTask, state: State, budget: int) -> ItemSearch:
    """Return a cheaper state that is reached, with at most `budget` gradients."""
    for _ in range(min(budget, MAX_REFINEMENTS)):
        target = task.space.round_near(task.find_target(state, task.norm))
        if not task.compute_cost(target) < task.compute_cost(state.point) * (1 - MIN_SAVING):
            break
        answer = yield Query(target)
        if not task.is_reached(answer):
            break
        state = answer
    state = yield from _prune(task, state)
    state = yield from _shrink(task, state)
    return replace(state, stop=REACHED)


def _prune(task: RowTask, state: State) -> ItemSearch:
    """Return the state without the changes that it does not need, the costliest tried first."""
    space = task.space
    is_changed = state.point != space.start
    units = [[index] for index in np.flatnonzero(is_changed & ~space.is_category).tolist()]
    groups = [[group.active, *group.options] for group in space.groups]
    units += [group for group in groups if is_changed[group].any()]
    weights = np.abs(state.point - space.start) * space.costs
    units.sort(key=lambda unit: -float(weights[unit].sum()))
    # A change of one feature alone is needed as a whole: without it, the row is the start.
    for unit in units[:MAX_PRUNED] if len(units) > 1 else []:
        point = state.point.copy()
        point[unit] = space.start[unit]
        answer = yield Query(point, with_gradient=False)
        state = answer if task.is_reached(answer) else state
    return state


def _shrink(task: RowTask, state: State) -> ItemSearch:
    """Return the state with its numbers nearer to the start, as near as it stays reached."""
    space = task.space
    excess, need = state.score - task.wanted, task.wanted - task.start.score
    change, low, high = state.point - space.start, 0.0, 1.0
    for _ in range(SHRINKINGS if excess > MIN_SAVING * need else 0):
        fraction = (low + high) / 2
        point = space.round_away(space.start + fraction * change)
        point = np.where(space.is_category, state.point, point)
        is_reached = np.array_equal(point, state.point)
        if not is_reached:
            answer = yield Query(point, with_gradient=False)
            is_reached = task.is_reached(answer)
            state = answer if is_reached else state
        low, high = (low, fraction) if is_reached else (fraction, high)
    return state
