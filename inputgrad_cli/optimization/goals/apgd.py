"""AutoPGD: projected ascent with momentum, whose steps shorten where they stop to help."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.goal import Evaluation, Problem, Rows, SearchResult, goals
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.attack_radius import RadiusGoal, open_log
from inputgrad_cli.optimization.iteration_loop import StepRule, evaluate_points, run_steps
from inputgrad_cli.optimization.norm_balls import Ball
from inputgrad_cli.registry import declare_parameter

# The constants of the paper.
FIRST_LENGTH = 2.0  # of a step, in radii
MOMENTUM = 0.25  # share of the last move in the next one
ENOUGH_RISES = 0.75  # share of steps that raise the score; with less, the steps are too long
FIRST_PERIOD, SHORTER, LAST_PERIOD = 0.22, 0.03, 0.06  # between checkpoints, of all steps


@goals.register
@dataclass(frozen=True)
class Apgd(RadiusGoal):
    """Best point in the radius by PGD with momentum that sets the length of its steps itself.

    A class is left along the gradient of its cross-entropy, as in the paper. At checkpoints the
    step of an item is halved, and it returns to its best point, if too few steps raised its score,
    or if the best score did not improve with a step that was not halved before.
    """

    name = "apgd"
    paper = "arXiv:2003.01690"
    cost = "steps times restarts, for each radius, at most, and as many scores"
    random = True
    climbs_cross_entropy = True
    aliases = ("auto-pgd", "autopgd", "autoattack")

    steps: int = declare_parameter(40, "steps from each start; 100 for reports", minimum=1)
    restarts: int = declare_parameter(1, "random starts", minimum=1)

    def search(self, problem: Problem) -> SearchResult:
        """Return the best points of all steps and restarts."""
        log = open_log(problem)
        evaluate_points(log, problem.start, problem.rows)
        for ball in self.yield_balls(log):
            rule = _AdaptiveSteps(problem, ball, list_checkpoints(self.steps))
            run_steps(log, rule, steps=self.steps, restarts=self.restarts)
        return log.build_result()


def list_checkpoints(steps: int) -> list[int]:
    """Return the steps at which the length of steps may be halved, in ascending order."""
    at, period, checkpoints = FIRST_PERIOD, FIRST_PERIOD, []
    while at < 1:
        checkpoints.append(math.ceil(at * steps - 1e-9))  # 0.5 * 100 may be just above 50
        period = max(period - SHORTER, LAST_PERIOD)
        at += period
    return sorted({checkpoint for checkpoint in checkpoints if 0 < checkpoint < steps})


class _AdaptiveSteps(StepRule):
    """The steps of APGD; all arrays have an entry for every item of the problem."""

    def __init__(self, problem: Problem, ball: Ball, checkpoints: list[int]) -> None:
        self._ball = ball
        self._periods = dict(zip(checkpoints, np.diff([0, *checkpoints]).tolist(), strict=True))
        shape, size = problem.start.shape, len(problem)
        self._previous = np.empty(shape, np.float32)
        self._best, self._best_gradients = np.empty(shape, np.float32), np.empty(shape, np.float32)
        self._lengths, self._best_scores = np.empty(size), np.empty(size)
        self._last_scores, self._checked_scores = np.empty(size), np.empty(size)
        self._rises, self._is_halved = np.empty(size, int), np.empty(size, bool)

    def begin(self, problem: Problem, rows: Rows, restart: int) -> Array:
        """Return random points, and forget what was before."""
        self._lengths[rows] = FIRST_LENGTH * self._ball.radius
        self._best_scores[rows] = self._checked_scores[rows] = -np.inf
        self._last_scores[rows] = np.inf  # the first point raises nothing
        # A step that was not halved at the last checkpoint is a condition of the second rule, which
        # must not hold at the first checkpoint.
        self._rises[rows], self._is_halved[rows] = 0, True
        return self._ball.draw_points("start of apgd", restart, rows)

    def move(self, step: int, points: Array, rows: Rows, evaluation: Evaluation) -> Array:
        """Return the next points: a step of steepest ascent, mixed with the last move."""
        self._keep_best(points, rows, evaluation)
        gradients = evaluation.gradients
        if step == 0:
            self._previous[rows] = points
            self._checked_scores[rows] = evaluation.scores
        if step in self._periods:
            is_long = self._halve_lengths(rows, self._periods[step])
            points, gradients = points.copy(), gradients.copy()
            points[is_long] = self._best[rows[is_long]]
            gradients[is_long] = self._best_gradients[rows[is_long]]
        # No move comes before the first step.
        momentum = MOMENTUM if step else 0.0
        target = self._ball.move(points, gradients, rows, self._lengths[rows])
        blend = (1 - momentum) * target + momentum * (2 * points - self._previous[rows])
        self._previous[rows] = points
        return self._ball.project(blend, rows)

    def _keep_best(self, points: Array, rows: Rows, evaluation: Evaluation) -> None:
        scores = evaluation.scores
        self._rises[rows] += scores > self._last_scores[rows]
        self._last_scores[rows] = scores
        better = scores > self._best_scores[rows]
        selection = rows[better]
        self._best[selection], self._best_scores[selection] = points[better], scores[better]
        self._best_gradients[selection] = evaluation.gradients[better]

    def _halve_lengths(self, rows: Rows, period: int) -> Array:
        """Halve the steps that are too long; return which ones they are, (N,)."""
        are_few = self._rises[rows] < ENOUGH_RISES * period
        is_flat = self._checked_scores[rows] >= self._best_scores[rows]
        is_long = are_few | (is_flat & ~self._is_halved[rows])
        self._lengths[rows[is_long]] /= 2
        self._is_halved[rows], self._rises[rows] = is_long, 0
        self._checked_scores[rows] = self._best_scores[rows]
        return np.asarray(is_long)
