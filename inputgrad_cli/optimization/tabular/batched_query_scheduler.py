"""Runs a search of its own for each item, and computes the points that they ask for together.

A search is a generator: it yields a query, receives the answer, and returns its last state. So its
code reads as if there were one item, while all items ride in the same batches. An item leaves when
its search ends.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.iteration_loop import send_frame


@dataclass(frozen=True)
class Query:
    """A point (D,) whose score is needed, and its gradient if `with_gradient`."""

    point: Array
    with_gradient: bool = True


@dataclass(frozen=True)
class State:
    """A point (D,) as files store it, its score, and the gradient there if it was asked for.

    `stop` is what ended the search that returns the state.
    """

    point: Array
    score: float
    gradient: Array
    stop: str = ""


ItemSearch = Generator[Query, State, State]


def run_item_searches(
    log: SearchLog, searches: Mapping[int, ItemSearch], steps: range, total: int
) -> dict[int, State]:
    """Run searches by item to their ends and return their last states, as far as there was time.

    The log records what ended each. For the report of progress, the searches are about the `steps`
    of `total`.
    """
    ends: dict[int, State] = {}
    queries: dict[int, Query] = {}
    answers: Mapping[int, State | None] = dict.fromkeys(searches)
    rounds = 0
    while answers and not log.problem.should_stop():
        for row, answer in answers.items():
            try:
                search = searches[row]
                queries[row] = next(search) if answer is None else search.send(answer)
            except StopIteration as end:
                queries.pop(row, None)
                ends[row] = end.value
                log.stop(np.array([row]), end.value.stop)
        _send_queries(log, queries, steps.start + rounds, total)
        answers = _answer(log, queries)
        rounds += 1
        # Refinements come on top of the steps, and must not be reported as more than all of them.
        log.problem.on_step(steps.start + min(rounds, len(steps)), total)
    return ends


def _send_queries(log: SearchLog, queries: Mapping[int, Query], step: int, total: int) -> None:
    """Send as frames the points that need gradients: others only try to take changes back."""
    rows = [row for row, query in queries.items() if query.with_gradient]
    if rows:
        points = np.stack([queries[row].point for row in rows]).astype(np.float32)
        send_frame(log.problem, step, total, points, np.array(rows, np.intp))


def _answer(log: SearchLog, queries: Mapping[int, Query]) -> dict[int, State]:
    """Return the answers to queries by item, from a batch with gradients and a batch without."""
    answers: dict[int, State] = {}
    for with_gradient in (True, False):
        rows = [row for row, query in queries.items() if query.with_gradient == with_gradient]
        if rows:
            points = np.stack([queries[row].point for row in rows]).astype(np.float32)
            states = compute_states(log, points, np.array(rows, np.intp), with_gradient)
            answers.update(zip(rows, states, strict=True))
    return answers


def compute_states(
    log: SearchLog, points: Array, rows: Array, with_gradient: bool = True
) -> list[State]:
    """Return the states of points (N, D) of the items `rows`, rounded as files store them."""
    stored = log.problem.round_points(points, rows)
    if with_gradient:
        # The slopes of frozen values tell which of them could help; they need not be finite.
        evaluation = log.compute_gradients(stored, rows, mask=False)
        scores, gradients = evaluation.scores, evaluation.gradients.astype(np.float64)
        is_needed = log.problem.low[rows] < log.problem.high[rows]
        gradients = np.where(is_needed | np.isfinite(gradients), gradients, 0)
    else:
        scores = log.compute_scores(stored, rows)
        gradients = np.zeros(points.shape)
    return [
        State(point.astype(np.float64), float(score), gradient)
        for point, score, gradient in zip(stored, scores, gradients, strict=True)
    ]
