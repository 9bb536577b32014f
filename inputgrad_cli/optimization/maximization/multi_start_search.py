"""Searches each item from several starts side by side, and keeps the best of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.interfaces.goal import Evaluation, Objective, Pieces, Problem, Rows, SearchResult
from inputgrad_cli.numeric.array_helpers import Array

Frame = tuple[int, Array]


@dataclass(frozen=True)
class RepeatedObjective:
    """The objective of items that are each there `starts` times, one after another.

    The gradients, and the scores that come with them, are those of `climbed`.
    """

    objective: Objective
    climbed: Objective
    starts: int

    def compute_scores(self, points: Array, rows: Rows) -> Array:
        """Return the scores of the points (N, D), (N,)."""
        return self.objective.compute_scores(points, rows // self.starts)

    def compute_gradients(self, points: Array, rows: Rows) -> Evaluation:
        """Return the scores that are climbed, and their gradients."""
        return self.climbed.compute_gradients(points, rows // self.starts)

    def compute_pieces(self, points: Array, rows: Rows, count: int) -> Pieces:
        """Return the pieces of the scores."""
        return self.objective.compute_pieces(points, rows // self.starts, count)

    def round_points(self, points: Array) -> Array:
        """Return the points with the values that a file stores."""
        return self.objective.round_points(points)


class FrameStore:
    """Keeps the frames of all starts until it is known which start is the best."""

    def __init__(self) -> None:
        self._frames: dict[int, list[Frame]] = {}

    def add(self, step: int, points: Array, rows: Rows) -> None:
        """Keep the points of a step."""
        for row, point in zip(rows, points, strict=True):
            self._frames.setdefault(int(row), []).append((step, point))

    def send(self, chosen: Rows, on_frame: Callable[[int, Array, Rows], None]) -> None:
        """Send the frames of the chosen start of each item, in the order of the steps."""
        for item, row in enumerate(map(int, chosen)):
            for step, point in self._frames.get(row, []):
                on_frame(step, point[np.newaxis], np.array([item], np.intp))


def repeat_problem(problem: Problem, climbed: Objective, starts: int) -> Problem:
    """Return the problem with every item `starts` times; the first has the seed of the item."""
    seeds = [
        seed + (f"start-{start}".encode() if start else b"")
        for seed in problem.seeds
        for start in range(starts)
    ]
    objective = RepeatedObjective(problem.objective, climbed, starts)
    return replace(
        problem,
        objective=objective,
        start=np.repeat(problem.start, starts, axis=0),
        low=np.repeat(problem.low, starts, axis=0),
        high=np.repeat(problem.high, starts, axis=0),
        wanted=np.repeat(problem.wanted, starts),
        seeds=seeds,
        margins=None,
    )


def choose_starts(result: SearchResult, merits: Array, starts: int) -> tuple[SearchResult, Rows]:
    """Return the result of the best start of each item, and its row among all starts.

    A start that is reached is better than one that is not, then the one with more merit. Calls are
    those of all starts.
    """
    finite = np.where(np.isfinite(merits), merits, -np.inf).reshape(-1, starts)
    order = np.where(result.reached.reshape(-1, starts), np.inf, finite)
    best = order.argmax(axis=1)
    chosen = np.asarray(best + starts * np.arange(len(best)), np.intp)
    picked = SearchResult(
        points=result.points[chosen],
        scores=result.scores[chosen],
        reached=result.reached[chosen],
        gradient_calls=result.gradient_calls.reshape(-1, starts).sum(axis=1),
        score_calls=result.score_calls.reshape(-1, starts).sum(axis=1),
        steps=result.steps[chosen],
        restarts=best,
        stops=[result.stops[row] for row in chosen],
        traces=[result.traces[row] for row in chosen],
        radius=result.radius[chosen],
    )
    return picked, chosen
