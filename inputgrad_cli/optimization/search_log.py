"""Records what a search evaluates: the best point of each item, its calls and its trace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.interfaces.goal import Evaluation, Pieces, Problem, Rows, SearchResult
from inputgrad_cli.numeric.arrays import Array

REACHED, STEPS, PATIENCE, ZERO_GRADIENT, NO_ROOM = (
    "reached", "steps", "patience", "zero-gradient", "no-room",
)  # fmt: skip


class SearchLog:
    """Evaluates points of a problem, counts the calls, and keeps the best point of each item.

    A point that is reached is better than one that is not; `nearest` then prefers the smaller L2
    distance from the start, otherwise the larger score wins. The first of equal points stays.
    """

    def __init__(self, problem: Problem, *, nearest: bool = False) -> None:
        size = len(problem)
        self.problem = problem
        self.points = np.array(problem.start, np.float32)
        self.scores = np.full(size, -np.inf)
        self.reached = np.zeros(size, bool)
        self.radius = np.full(size, np.inf)
        self.restart = 0  # of the points that are evaluated now
        self._nearest = nearest
        self._distances = np.full(size, np.inf)
        self._gradient_calls, self._score_calls = np.zeros(size, int), np.zeros(size, int)
        self._steps, self._restarts = np.zeros(size, int), np.zeros(size, int)
        self._stops = [STEPS] * size
        self._traces: list[list[tuple[float, ...]]] = [[] for _ in range(size)]

    def compute_scores(self, points: Array, rows: Rows) -> Array:
        """Return the scores of points (N, D); the points are kept if they are the best."""
        scores = self.problem.objective.compute_scores(points, rows)
        self._score_calls[rows] += 1
        self._keep(points, rows, scores)
        return scores

    def compute_gradients(self, points: Array, rows: Rows) -> Evaluation:
        """Return scores and gradients of points (N, D); the points are kept if the best."""
        evaluation = self.problem.objective.compute_gradients(points, rows)
        self._gradient_calls[rows] += 1
        self._keep(points, rows, evaluation.scores)
        return evaluation

    def compute_pieces(self, points: Array, rows: Rows, count: int) -> Pieces:
        """Return the pieces of the scores of points (N, D); each piece counts as a gradient."""
        pieces = self.problem.objective.compute_pieces(points, rows, count)
        self._gradient_calls[rows] += np.isfinite(pieces.scores).sum(axis=1)
        self._keep(points, rows, pieces.scores.max(axis=1))
        return pieces

    def stop(self, rows: Rows, reason: str) -> None:
        """Record what ended the search of these items."""
        for row in rows:
            self._stops[row] = reason

    def build_result(self) -> SearchResult:
        """Return the best point of each item."""
        return SearchResult(
            self.points,
            self.scores,
            self.reached,
            self._gradient_calls,
            self._score_calls,
            self._steps,
            self._restarts,
            tuple(self._stops),
            [np.array(trace, np.float64).reshape(-1, 5) for trace in self._traces],
            self.radius,
        )

    def _keep(self, points: Array, rows: Rows, scores: Array) -> None:
        difference = points.astype(np.float64) - self.problem.start[rows]
        distances = np.sqrt(np.square(difference).sum(axis=1))
        largest = np.abs(difference).max(axis=1, initial=0.0)
        reached = scores >= self.problem.wanted[rows]
        for index, row in enumerate(rows):
            step = len(self._traces[row])
            self._traces[row].append(
                (step, scores[index], distances[index], largest[index], self.restart)
            )
        better = self._is_better(rows, scores, distances, reached)
        chosen = rows[better]
        self.points[chosen] = points[better]
        self.scores[chosen], self._distances[chosen] = scores[better], distances[better]
        self.reached[chosen] = reached[better]
        self._restarts[chosen] = self.restart
        self._steps[chosen] = [len(self._traces[row]) - 1 for row in chosen]

    def _is_better(
        self, rows: Rows, scores: Array, distances: Array, reached: Array
    ) -> NDArray[np.bool_]:
        """Return which points are better than the best of their items so far, (N,)."""
        higher = scores > self.scores[rows]
        if self._nearest:
            higher = np.where(reached, distances < self._distances[rows], higher)
        newly = reached & ~self.reached[rows]
        return np.asarray(newly | (higher & (reached == self.reached[rows])))
