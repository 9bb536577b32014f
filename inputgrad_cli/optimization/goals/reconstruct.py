"""Sparse repair: the smallest change whose loss is that of normal samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.goal import Goal, Problem, Rows, SearchResult, goals
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.best_point_and_trace import REACHED, SearchLog
from inputgrad_cli.optimization.fista import Fista
from inputgrad_cli.optimization.iteration_loop import end_searches, send_frame
from inputgrad_cli.registry import declare_parameter

LEAST_WEIGHT = 1e-4  # of the L1 norm, as a share of the weight with which nothing changes


@goals.register
@dataclass(frozen=True)
class Reconstruct(Goal):
    """The smallest change after which the loss is that of normal samples.

    It minimizes the loss plus the L1 norm of the change by FISTA, and finds the largest weight of
    the norm that still lowers the loss enough by bisection, for each item. So few values change:
    those that the model cannot explain.
    """

    name = "reconstruct"
    family = "change"
    paper = "doi:10.1137/080716542"
    cost = "steps times (1 + bisections), at most"
    minimal = True
    aliases = ("repair", "denoise")

    steps: int = declare_parameter(300, "steps with each weight", minimum=1, maximum=100_000)
    rate: float = declare_parameter(0.1, "largest factor of the gradient in a step", minimum=1e-9)
    # Each halves the range of four powers of ten: after eight the weight is known within 4 %.
    bisections: int = declare_parameter(8, "weights that are tried", minimum=0, maximum=50)

    def search(self, problem: Problem) -> SearchResult:
        """Return the reached points with the smallest change, or the start if none is reached.

        `restarts` are the bisections of the weight.
        """
        log = SearchLog(problem, measure=lambda points, rows: _sum_changes(problem, points, rows))
        evaluation = log.compute_gradients(problem.start, problem.rows)
        is_hopeless = ~log.reached & ~np.isfinite(problem.wanted)
        going = end_searches(log, problem.rows, evaluation, log.reached) & ~is_hopeless
        rows = problem.rows[going]
        # With this weight and a larger one, the start itself is the best point.
        largest = problem.start.shape[1] * np.abs(evaluation.gradients[going]).max(axis=1)
        # What the loss alone does not reach is out of reach with any weight.
        rows, kept = self._try_weights(log, rows, np.zeros(len(rows)), 0)
        high = largest[kept]
        low = high * LEAST_WEIGHT
        for bisection in range(1, self.bisections + 1):
            # The middle of the powers of ten, because the weights span four of them.
            weights = np.sqrt(low * high)
            _, enough = self._try_weights(log, rows, weights, bisection)
            low, high = np.where(enough, weights, low), np.where(enough, high, weights)
        return log.build_result()

    def _try_weights(
        self, log: SearchLog, rows: Rows, weights: Array, bisection: int
    ) -> tuple[Rows, Array]:
        """Return the items that are reached with these weights, and which of `rows` that are."""
        log.restart = bisection
        first, total = bisection * self.steps, self.steps * (self.bisections + 1)
        points = Fista(log, self.rate, self.steps).run(
            rows,
            weights,
            until_reached=bisection == 0,
            on_step=lambda done: log.problem.on_step(first + done, total),
        )
        if not len(rows):
            return rows, np.zeros(0, bool)
        send_frame(log.problem, bisection, self.bisections, points, rows)
        scores = log.compute_scores(log.round_points(points, rows), rows)
        is_reached = np.asarray(scores >= log.problem.wanted[rows])
        log.stop(rows[is_reached], REACHED)
        return rows[is_reached], is_reached


def _sum_changes(problem: Problem, points: Array, rows: Rows) -> Array:
    """Return the L1 norms of the changes of points (N, D), float64 (N,)."""
    return np.asarray(np.abs(points.astype(np.float64) - problem.start[rows]).sum(axis=1))
