"""Records what a search evaluates: the best point of each item, its calls and its trace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.interfaces.goal import Evaluation, Pieces, Problem, Rows, SearchResult
from inputgrad_cli.numeric.array_helpers import Array

REACHED, STEPS, PATIENCE, ZERO_GRADIENT, NO_ROOM, NOT_FINITE, ROUNDING = (
    "reached", "steps", "patience", "zero-gradient", "no-room", "not-finite", "rounding",
)  # fmt: skip


class SearchLog:
    """Evaluates points of a problem, counts the calls, and keeps the best point of each item.

    An item is reached by a point that a file can store: `round_points` leaves it as it is. A point
    that is reached is better than one that is not. Of two that are reached the larger score wins;
    with `nearest` the smaller L2 distance from the start does, and with `measure` the smaller cost,
    which it returns for points (N, D) and their items. The first of equal points stays, and one
    whose score is not finite is never kept.

    A search over several radii sets `limit` to the radius of the points that follow, and
    `round_points` to a rounding that stays inside it. `part` is the index and the count of parts of
    the search, for progress.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        nearest: bool = False,
        measure: Callable[[Array, Rows], Array] | None = None,
    ) -> None:
        size = len(problem)
        self.problem = problem
        self.points = np.array(problem.start, np.float32)
        self.scores = np.full(size, -np.inf)
        self.reached = np.zeros(size, bool)
        self.radius = np.full(size, np.inf)
        self.restart = 0  # of the points that are evaluated now
        self.limit = np.inf
        self.part = (0, 1)
        self.round_points: Callable[[Array, Rows], Array] = problem.round_points
        self._movable = problem.low < problem.high
        self._some_are_frozen = not self._movable.all()
        self._measure = measure or (self._measure_distances if nearest else None)
        self._costs = np.full(size, np.inf)
        self._start_scores = np.full(size, -np.inf)
        self._gradient_calls, self._score_calls = np.zeros(size, int), np.zeros(size, int)
        self._untraced = np.zeros(size, int)  # steps whose point was not evaluated itself
        self._steps, self._restarts = np.zeros(size, int), np.zeros(size, int)
        self._stops = [STEPS] * size
        self._traces: list[list[tuple[float, ...]]] = [[] for _ in range(size)]

    def compute_scores(self, points: Array, rows: Rows) -> Array:
        """Return the scores of points (N, D); the points are kept if they are the best."""
        scores = self.problem.objective.compute_scores(points, rows)
        self._score_calls[rows] += 1
        self._trace(points, rows, scores)
        self._keep(points, rows, scores)
        return scores

    def compute_gradients(
        self, points: Array, rows: Rows, *, keep: bool = True, mask: bool = True
    ) -> Evaluation:
        """Return scores and gradients of points (N, D); the points are kept if the best.

        The gradient of a value that may not move is 0, unless `mask` is false. Points that may not
        be a result are not kept if `keep` is false.
        """
        evaluation = self.problem.objective.compute_gradients(points, rows)
        self._gradient_calls[rows] += 1
        self._score_calls[rows] += evaluation.score_calls
        self._trace(points, rows, evaluation.scores)
        if keep:
            self._keep(points, rows, evaluation.scores)
        return self._freeze(evaluation, rows) if mask else evaluation

    def compute_moved_gradients(
        self, points: Array, rows: Rows, *, is_step: bool = True
    ) -> Evaluation:
        """Return scores and gradients of points that are no results, such as shifted pictures.

        They are counted, but neither kept nor traced. `is_step` is false where the point itself is
        evaluated in the same step. An item may be in `rows` several times.
        """
        np.add.at(self._gradient_calls, rows, 1)  # += would count a repeated item once
        self._untraced[rows] += is_step
        return self._freeze(self.problem.objective.compute_gradients(points, rows), rows)

    def compute_pieces(self, points: Array, rows: Rows, count: int) -> Pieces:
        """Return the pieces of the scores of points (N, D); each piece counts as a gradient.

        The gradient of a value that may not move is 0, and so is that of a piece that is missing.
        """
        pieces = self.problem.objective.compute_pieces(points, rows, count)
        exists = ~np.isneginf(pieces.scores)
        self._gradient_calls[rows] += exists.sum(axis=1)
        scores = pieces.scores.max(axis=1)
        self._trace(points, rows, scores)
        self._keep(points, rows, scores)
        if exists.all() and not self._some_are_frozen:
            return pieces
        counts = exists[:, :, None] & self._movable[rows][:, None]
        return Pieces(pieces.scores, np.where(counts, pieces.gradients, 0))

    def verify_reached(self, points: Array, rows: Rows, scores: Array) -> NDArray[np.bool_]:
        """Return which items are reached, (N,), by these points (N, D) or by earlier ones.

        Points whose scores are high enough, but which a file cannot store, are rounded for that,
        and evaluated.
        """
        is_new = (scores >= self.problem.wanted[rows]) & ~self.reached[rows]
        if is_new.any():
            selection = rows[is_new]
            self.compute_scores(self.round_points(points[is_new], selection), selection)
        return np.asarray(self.reached[rows])

    def settle(self) -> None:
        """Replace each best point that a file cannot store by its rounded one, or by the start.

        The better of the two stays.
        """
        rows = self.problem.rows[~self.reached]
        storable = self.round_points(self.points[rows], rows)
        differs = np.any(storable != self.points[rows], axis=1)
        rows, storable = rows[differs], storable[differs]
        if not len(rows):
            return
        self.stop(rows[self.scores[rows] >= self.problem.wanted[rows]], ROUNDING)
        # The start is the result now, unless the rounded point turns out to be better.
        self.points[rows], self.scores[rows] = self.problem.start[rows], self._start_scores[rows]
        self._steps[rows] = 0
        scores = self.compute_scores(storable, rows)
        self.stop(rows[self.reached[rows] & (scores >= self.problem.wanted[rows])], REACHED)

    def list_open_rows(self, until_reached: bool = True) -> Rows:
        """Return the items to search: not reached, and never with a value that is not finite."""
        is_broken = np.array([reason == NOT_FINITE for reason in self._stops], bool)
        return self.problem.rows[~(is_broken | (self.reached & until_reached))]

    def can_move(self, rows: Rows) -> NDArray[np.bool_]:
        """Return which items have a value that may move, (N,)."""
        return np.asarray(self._movable[rows].any(axis=1))

    def find_stopped(self, reason: str) -> Rows:
        """Return the items whose search ended for this reason."""
        return np.flatnonzero(np.array(self._stops) == reason)

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

    def _freeze(self, evaluation: Evaluation, rows: Rows) -> Evaluation:
        """Return the evaluation with a gradient of 0 for values that may not move."""
        if not self._some_are_frozen:
            return evaluation
        gradients = np.where(self._movable[rows], evaluation.gradients, 0)
        return Evaluation(evaluation.scores, gradients)

    def _trace(self, points: Array, rows: Rows, scores: Array) -> None:
        difference = points.astype(np.float64) - self.problem.start[rows]
        distances = np.sqrt(np.square(difference).sum(axis=1))
        largest = np.abs(difference).max(axis=1, initial=0.0)
        for index, row in enumerate(rows):
            step = self._count_steps(row)
            self._traces[row].append(
                (step, scores[index], distances[index], largest[index], self.restart)
            )
        # The start may come at any step; `settle` needs its score.
        at_start = largest == 0
        self._start_scores[rows[at_start]] = scores[at_start]

    def _keep(self, points: Array, rows: Rows, scores: Array) -> None:
        reached = self._find_reached(points, rows, scores)
        costs = self._measure(points, rows) if self._measure else np.zeros(len(rows))
        better = self._is_better(rows, scores, costs, reached) & np.isfinite(scores)
        # A point in a smaller radius proves that radius, even if the item keeps a better one.
        self.radius[rows[reached]] = np.minimum(self.radius[rows[reached]], self.limit)
        selection = rows[better]
        self.points[selection] = points[better]
        self.scores[selection], self._costs[selection] = scores[better], costs[better]
        self.reached[selection] = reached[better]
        self._restarts[selection] = self.restart
        self._steps[selection] = [self._count_steps(row) - 1 for row in selection]

    def _count_steps(self, row: int) -> int:
        """Return how many steps of an item have been recorded."""
        return len(self._traces[row]) + int(self._untraced[row])

    def _find_reached(self, points: Array, rows: Rows, scores: Array) -> NDArray[np.bool_]:
        """Return which points are high enough and can be stored as they are, (N,)."""
        reached = (scores >= self.problem.wanted[rows]) & np.isfinite(scores)
        if reached.any():
            selection = points[reached].astype(np.float32, copy=False)
            storable = self.problem.round_points(selection, rows[reached])
            reached[reached] = np.all(storable == selection, axis=1)
        return np.asarray(reached)

    def _is_better(
        self, rows: Rows, scores: Array, costs: Array, reached: Array
    ) -> NDArray[np.bool_]:
        """Return which points are better than the best of their items so far, (N,)."""
        higher = scores > self.scores[rows]
        if self._measure:
            higher = np.where(reached, costs < self._costs[rows], higher)
        newly = reached & ~self.reached[rows]
        return np.asarray(newly | (higher & (reached == self.reached[rows])))

    def _measure_distances(self, points: Array, rows: Rows) -> Array:
        """Return the L2 distances of points from the starts of their items, float64 (N,)."""
        difference = points.astype(np.float64) - self.problem.start[rows]
        return np.asarray(np.sqrt(np.square(difference).sum(axis=1)))
