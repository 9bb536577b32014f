"""The loop of all searches that go step by step: evaluate, keep the best, step, until reached."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from inputgrad_cli.interfaces.goal import Evaluation, Problem, Rows
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.optimization.search_log import REACHED, ZERO_GRADIENT, SearchLog


class StepRule(Protocol):
    """A rule that moves points by their gradients.

    It may keep arrays with an entry for every item of the problem; `rows` are the items that are
    still searched.
    """

    def begin(self, problem: Problem, rows: Rows, restart: int) -> Array:
        """Return the first points of the items, float32 (N, D)."""

    def move(self, step: int, points: Array, rows: Rows, evaluation: Evaluation) -> Array:
        """Return the next points of the items, from the scores and gradients at `points`."""


def run_steps(
    log: SearchLog, rule: StepRule, *, steps: int, restarts: int = 1, until_reached: bool = True
) -> None:
    """Search every item of the log's problem by a rule: `steps` steps from each start.

    Items leave the search when they are reached, unless `until_reached` is false, and when their
    gradient is zero. The last points are evaluated without a gradient.
    """
    problem = log.problem
    for restart in range(restarts):
        rows = problem.rows[~(log.reached & until_reached)]
        log.restart = restart
        points = rule.begin(problem, rows, restart)
        for step in range(steps):
            if not len(rows) or problem.should_stop():
                return
            evaluation = log.compute_gradients(points, rows)
            is_zero = ~np.any(evaluation.gradients, axis=1)
            is_done = (evaluation.scores >= problem.wanted[rows]) & until_reached
            log.stop(rows[is_done], REACHED)
            log.stop(rows[is_zero & ~is_done], ZERO_GRADIENT)
            going = ~(is_done | is_zero)
            rows, points = rows[going], points[going]
            evaluation = Evaluation(evaluation.scores[going], evaluation.gradients[going])
            points = rule.move(step, points, rows, evaluation)
            problem.on_step(restart * steps + step + 1, restarts * steps)
        if len(rows):
            scores = log.compute_scores(points, rows)
            log.stop(rows[scores >= problem.wanted[rows]], REACHED)
