"""Searches each item from several starts side by side, and keeps the best of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from inputgrad_cli.interfaces.goal import Evaluation, Objective, Pieces, Problem, Rows, SearchResult
from inputgrad_cli.numeric.arrays import Array

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
    wide = {
        name: np.repeat(getattr(problem, name), starts, axis=0)
        for name in ("start", "low", "high", "wanted")
    }
    seeds = [
        seed + (f"start-{start}".encode() if start else b"")
        for seed in problem.seeds
        for start in range(starts)
    ]
    objective = RepeatedObjective(problem.objective, climbed, starts)
    return replace(problem, objective=objective, seeds=seeds, margins=None, **wide)


def choose_starts(result: SearchResult, merits: Array, starts: int) -> tuple[SearchResult, Rows]:
    """Return the result of the best start of each item, and its row among all starts.

    A start that is reached is better than one that is not, then the one with more merit. Calls are
    those of all starts.
    """
    finite = np.where(np.isfinite(merits), merits, -np.inf).reshape(-1, starts)
    order = np.where(result.reached.reshape(-1, starts), np.inf, finite)
    best = order.argmax(axis=1)
    chosen = best + starts * np.arange(len(best))
    values = {item.name: getattr(result, item.name) for item in fields(result)}
    picked = {
        name: value[chosen] if isinstance(value, np.ndarray) else [value[row] for row in chosen]
        for name, value in values.items()
        if len(value)
    }
    for name in ("gradient_calls", "score_calls"):
        picked[name] = values[name].reshape(-1, starts).sum(axis=1)
    picked["restarts"] = best
    return replace(result, **picked), np.asarray(chosen, np.intp)
