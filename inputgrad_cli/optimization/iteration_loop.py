"""The loop of all searches that go step by step: evaluate, keep the best, step, until reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.interfaces.goal import Evaluation, Problem, Rows
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.best_point_and_trace import (
    NO_ROOM,
    NOT_FINITE,
    REACHED,
    STEPS,
    ZERO_GRADIENT,
    SearchLog,
)

FRAMES = 40  # of a search, at most


class StepRule(Protocol):
    """A rule that moves points by their gradients. Rules inherit from this class.

    It may keep arrays with an entry for every item of the problem; `rows` are the items that are
    still searched.
    """

    def begin(self, problem: Problem, rows: Rows, restart: int) -> Array:
        """Return the first points of the items, float32 (N, D)."""

    def move(self, step: int, points: Array, rows: Rows, evaluation: Evaluation) -> Array:
        """Return the next points of the items, from the scores and gradients at `points`."""

    def evaluate(self, log: SearchLog, step: int, points: Array, rows: Rows) -> Evaluation:
        """Return the scores of the points and the gradients to follow: those at the points."""
        return log.compute_gradients(points, rows)

    def find_stops(self, rows: Rows) -> Mapping[str, NDArray[np.bool_]]:
        """Return by reason which items the rule ends, (N,): none unless it has such reasons."""
        return {}


def run_steps(
    log: SearchLog,
    rule: StepRule,
    *,
    steps: int,
    restarts: int = 1,
    until_reached: bool = True,
    asked: Rows | None = None,
) -> None:
    """Search the items `asked`, or all, of the log's problem: `steps` steps from each start.

    Items leave the search when they are reached, unless `until_reached` is false, when
    `end_searches` ends theirs, and when the rule ends theirs. The last points are rounded and
    evaluated without a gradient.
    """
    problem = log.problem
    part, parts = log.part
    for restart in range(restarts):
        rows = log.list_open_rows(until_reached)
        rows = rows if asked is None else np.intersect1d(rows, asked)
        if not len(rows):
            return
        log.restart = restart
        # This stands unless something else ends the search of an item.
        log.stop(rows, STEPS)
        points = rule.begin(problem, rows, restart)
        for step in range(steps):
            if problem.should_stop():
                return
            send_frame(problem, step, steps, points, rows)
            evaluation = rule.evaluate(log, step, points, rows)
            is_done = log.verify_reached(points, rows, evaluation.scores) & until_reached
            is_open = end_searches(log, rows, evaluation, is_done)
            for reason, is_over in rule.find_stops(rows).items():
                log.stop(rows[is_open & is_over], reason)
                is_open &= ~is_over
            rows, points = rows[is_open], points[is_open]
            if not len(rows):
                break
            evaluation = Evaluation(evaluation.scores[is_open], evaluation.gradients[is_open])
            points = rule.move(step, points, rows, evaluation)
            count = (part * restarts + restart) * steps + step + 1
            problem.on_step(count, parts * restarts * steps)
        if len(rows):
            send_frame(problem, steps, steps, points, rows)
            evaluate_points(log, log.round_points(points, rows), rows)


def evaluate_points(log: SearchLog, points: Array, rows: Rows) -> NDArray[np.bool_]:
    """Return which items are reached, (N,), from the scores of points without gradients.

    Records those, and the ones whose score is not finite.
    """
    scores = log.compute_scores(points, rows)
    is_done = log.verify_reached(points, rows, scores)
    log.stop(rows[~np.isfinite(scores)], NOT_FINITE)
    log.stop(rows[is_done], REACHED)
    return is_done


def end_searches(
    log: SearchLog, rows: Rows, evaluation: Evaluation, is_done: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which items go on, (N,), and record why the others do not.

    An item ends when it is done, when a score or a gradient is not finite, when none of its values
    may move, or when its gradient is zero.
    """
    gradients = evaluation.gradients
    is_finite = np.isfinite(evaluation.scores) & np.isfinite(gradients).all(axis=1)
    is_zero = ~np.any(gradients, axis=1)
    can_move = log.can_move(rows)
    # Where several reasons hold the last one stays. So success counts more than any fault, and a
    # value that is not finite more than what follows from it.
    log.stop(rows[is_zero & can_move], ZERO_GRADIENT)
    log.stop(rows[~can_move], NO_ROOM)
    log.stop(rows[~is_finite], NOT_FINITE)
    log.stop(rows[is_done], REACHED)
    return np.asarray(is_finite & can_move & ~is_zero & ~is_done)


def choose_frame_steps(steps: int) -> list[int]:
    """Return the steps whose points are frames: the first, the last, and more early than late."""
    # Most of a search's change comes in its first steps.
    later = np.geomspace(1, max(steps, 1), FRAMES - 1).round().astype(int)
    return sorted({0, *later.tolist()})


def send_frame(problem: Problem, step: int, steps: int, points: Array, rows: Rows) -> None:
    """Send the points at a step as a frame, if frames are wanted and the step is one of theirs."""
    if problem.on_frame is not None and step in choose_frame_steps(steps):
        problem.on_frame(step, points, rows)
