"""FISTA, accelerated proximal gradient descent, on a loss plus a weighted L1 norm of the change.

Beck and Teboulle, doi:10.1137/080716542. After a step along the gradient every value is drawn to
the start by `rate * weight`, but not beyond it, so that most values stay there bit for bit. The
bounds contain the start, so that clipping keeps the step exact. Momentum that points uphill is
dropped, as in arXiv:1204.3982, and the rate is lowered to the inverse of the observed curvature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.goal import Rows
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.best_point_and_trace import NOT_FINITE, SearchLog

# Of the largest change; a run has converged when no value moves by more in a step.
CONVERGENCE = 1e-4


@dataclass(frozen=True)
class Fista:
    """Runs FISTA on minus the scores of a log's problem, times the number of values of a point.

    `rate` is the largest factor of the gradient in a step. Points on the way are not kept.
    """

    log: SearchLog
    rate: float
    steps: int

    def run(
        self,
        rows: Rows,
        weights: Array,
        *,
        until_reached: bool = False,
        on_step: Callable[[int], None] = lambda done: None,
    ) -> Array:
        """Return the last points (N, D) of items with weights of their L1 norm (N,).

        An item leaves when its values do not move any more, and also when it is reached if
        `until_reached`. One whose score is not finite stays at its start.
        """
        run = _Run(self.log, rows, weights, self.rate)
        active = np.arange(len(rows))
        for step in range(self.steps):
            if not len(active) or self.log.problem.should_stop():
                break
            evaluation = self.log.compute_gradients(run.queries[active], rows[active], keep=False)
            scores = evaluation.scores
            is_finite = np.isfinite(scores) & np.isfinite(evaluation.gradients).all(axis=1)
            self.log.stop(rows[active[~is_finite]], NOT_FINITE)
            run.points[active[~is_finite]] = run.start[active[~is_finite]]
            is_done = (scores >= self.log.problem.wanted[rows[active]]) & until_reached & is_finite
            run.points[active[is_done]] = run.queries[active[is_done]]
            going = is_finite & ~is_done
            active = active[going]
            active = active[~run.move(active, evaluation.gradients[going])]
            on_step(step + 1)
        return run.points


class _Run:
    """The points of one run, and the arithmetic of a step; all arrays have an entry for each item.

    The next gradients are needed at the `queries`.
    """

    def __init__(self, log: SearchLog, rows: Rows, weights: Array, rate: float) -> None:
        problem = log.problem
        self.start, self.low, self.high = (
            array[rows] for array in (problem.start, problem.low, problem.high)
        )
        self.points, self.queries = self.start.copy(), self.start.copy()
        self._weights = weights[:, np.newaxis]
        self._rates, self._momenta = np.full((len(rows), 1), rate), np.ones((len(rows), 1))
        self._last_queries = np.full_like(self.start, np.nan)
        self._last_gradients = np.zeros(self.start.shape)

    def move(self, active: Array, gradients: Array) -> Array:
        """Move the points of the active items (N,); return which of them have converged, (N,).

        `gradients` (N, D) are those of the scores at the queries.
        """
        queries, start = self.queries[active], self.start[active]
        # A loss is a mean over the values, whose slopes fall with their number. Those of the sum do
        # not, so that one rate and one weight mean the same for short and long series.
        gradients = gradients.astype(np.float64) * start.shape[1]
        self._limit_rates(active, queries, gradients)
        rates = self._rates[active]
        change = queries.astype(np.float64) - start + rates * gradients
        size = np.maximum(np.abs(change) - rates * self._weights[active], 0)
        points = (start + np.sign(change) * size).astype(np.float32)
        points = np.clip(points, self.low[active], self.high[active])
        moves = points - self.points[active]
        self._push(active, points, moves, queries)
        steps = np.maximum(np.abs(moves), np.abs(points - queries)).max(axis=1, initial=0.0)
        return np.asarray(steps <= CONVERGENCE * np.abs(points - start).max(axis=1, initial=0.0))

    def _limit_rates(self, active: Array, queries: Array, gradients: Array) -> None:
        """Lower the rates to the inverse of the curvature between the last queries and these."""
        distances = np.linalg.norm(queries - self._last_queries[active], axis=1, keepdims=True)
        bends = np.linalg.norm(gradients - self._last_gradients[active], axis=1, keepdims=True)
        rates = self._rates[active]
        # At the first step the distances are NaN, so that all comparisons are false.
        is_steep = (rates * bends > distances) & (distances > 0)
        self._rates[active] = np.where(is_steep, distances / np.where(is_steep, bends, 1.0), rates)
        self._last_queries[active], self._last_gradients[active] = queries, gradients

    def _push(self, active: Array, points: Array, moves: Array, queries: Array) -> None:
        """Set the points, and the next queries ahead of them by the momentum."""
        goes_uphill = ((queries - points) * moves).sum(axis=1, keepdims=True) > 0
        momenta = np.where(goes_uphill, 1.0, self._momenta[active])
        following = (1 + np.sqrt(1 + 4 * np.square(momenta))) / 2
        ahead = ((momenta - 1) / following * moves).astype(np.float32)
        self._momenta[active] = following
        self.points[active] = points
        self.queries[active] = np.clip(points + ahead, self.low[active], self.high[active])
