"""Searches the cheapest change of one row by linear steps.

Every query is a point that the row may become, so each that is reached could be the result.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.best_point_and_trace import NO_ROOM, PATIENCE, STEPS
from inputgrad_cli.optimization.tabular.batched_query_scheduler import ItemSearch, Query, State
from inputgrad_cli.optimization.tabular.row_refinement import refine
from inputgrad_cli.optimization.tabular.row_task import RowTask

# Lengths of a step that are tried, each half of the last: to a solution about the start, and from
# the point itself. The latter helps where a kink of the score spoils the former.
TRIES, LOCAL_TRIES = 3, 7


def search_linear(task: RowTask, norm: str, steps: int) -> ItemSearch:
    """Move to the cheapest solution of the linear score by a norm, at most `steps` gradients.

    Each solution is about the start, whatever the point where the score was linearized. A step is
    halved until the score rises; if it does not, the next one is the cheapest from the point.
    """
    state, budget = task.start, steps
    while not task.is_reached(state):
        if reason := task.find_obstacle(state):
            return replace(state, stop=reason)
        higher, calls = yield from _raise_score(task, state, norm, budget)
        budget -= calls
        if higher is None:
            # Without a single call, the grid and the bounds leave no other point.
            stop = STEPS if budget <= 0 else PATIENCE if calls else NO_ROOM
            return replace(state, stop=stop)
        state = higher
    return (yield from refine(task, state, budget))


def _raise_score(
    task: RowTask, state: State, norm: str, budget: int
) -> Generator[Query, State, tuple[State | None, int]]:
    """Return a state with a higher score, None if there is none, and the calls it took."""
    calls = 0
    for find_target, tries in ((task.find_target, TRIES), (task.find_local_target, LOCAL_TRIES)):
        target = find_target(state, norm)
        for halvings in range(tries):
            point = _mix(task, state.point, target, 0.5**halvings)
            if np.array_equal(point, state.point):
                break
            if calls >= budget:
                return None, calls
            answer = yield Query(point)
            calls += 1
            if answer.score > state.score:
                return answer, calls
    return None, calls


def _mix(task: RowTask, point: Array, target: Array, fraction: float) -> Array:
    """Return the allowed point at a fraction of the way from a point to the target.

    It is on the way from the start where a mixture would change too many features.
    """
    space = task.space
    for origin in (point, space.start):
        mixture = origin + fraction * (target - origin)
        nearest = target if fraction >= 0.5 else origin
        result = space.round_near(np.where(space.is_category, nearest, mixture))
        if not task.max_changes or task.count_changes(result) <= task.max_changes:
            return result
    return point
