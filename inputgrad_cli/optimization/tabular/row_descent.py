"""Searches a change of one row along the gradient, where linear steps do not reach the score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.best_point_and_trace import NO_ROOM, PATIENCE, STEPS
from inputgrad_cli.optimization.tabular.batched_query_scheduler import ItemSearch, Query, State
from inputgrad_cli.optimization.tabular.row_refinement import MAX_REFINEMENTS, refine
from inputgrad_cli.optimization.tabular.row_task import RowTask

DESCENT_STEPS = 200
# Factors of the length of a step that raised the score, and of one that did not.
GROWTH, DECAY = 1.3, 0.5
MIN_LENGTH = 1e-3  # of the first step; with less, the search has arrived at a local optimum


def search_descent(task: RowTask, state: State, steps: int = DESCENT_STEPS) -> ItemSearch:
    """Climb from a state along the gradient in units of cost, whatever the change costs.

    One-hot groups stay as they are in the state.
    """
    position, movable, length = state.point, task.choose_movable(state), 0.0
    for _ in range(steps):
        if task.is_reached(state):
            break
        direction = _find_direction(task, state, position, movable)
        slope = float(direction @ state.gradient)
        if not slope > 0:
            return replace(state, stop=task.find_obstacle(state) or NO_ROOM)
        enough = task.compute_need(state) / slope
        # The first step would arrive if the score were linear.
        length = length or enough
        if length < MIN_LENGTH * min(enough, 1.0):
            return replace(state, stop=PATIENCE)
        trial = task.space.clip(position + length * direction)
        point = task.space.round_near(trial)
        if np.array_equal(point, state.point):  # too short for the grid, until it adds up
            position, length = trial, length * GROWTH
            continue
        answer = yield Query(point)
        is_higher = answer.score > state.score
        length *= GROWTH if is_higher else DECAY
        if is_higher:
            state, position = answer, trial
    if not task.is_reached(state):
        return replace(state, stop=STEPS)
    return (yield from refine(task, state, MAX_REFINEMENTS))


def _find_direction(task: RowTask, state: State, position: Array, movable: Array) -> Array:
    """Return the steepest direction that has room, with a cost of 1, or zeros if none has."""
    space, slopes = task.space, state.gradient
    rooms = np.where(slopes > 0, space.high - position, position - space.low)
    ascent = np.where(movable & (rooms > 0), slopes / space.costs, 0.0)
    size = float(np.sqrt(np.square(ascent).sum()))
    return np.asarray(ascent / (size * space.costs) if size > 0 else ascent)
