"""DeepFool: the nearest point across the boundary, by steps to linear boundaries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.interfaces.goal import (
    Evaluation,
    Goal,
    Pieces,
    Problem,
    Rows,
    SearchResult,
    goals,
)
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.best_point_and_trace import NO_ROOM, REACHED, SearchLog
from inputgrad_cli.optimization.bounded_step_arithmetic import (
    add_inward,
    compute_room,
    scale_offsets,
    solve_scales,
)
from inputgrad_cli.optimization.iteration_loop import end_searches, send_frame
from inputgrad_cli.optimization.norm_balls import BALLS
from inputgrad_cli.registry import declare_parameter

# Minimal points lie on the boundary, where half of them do not survive rounding. The offset is
# lengthened in these steps until they do.
SCALES = (1.0, 1.02, 1.05, 1.1, 1.2, 1.35, 1.5, 2.0)


@goals.register
@dataclass(frozen=True)
class Deepfool(Goal):
    """Nearest point that is reached: steps to the boundary of the score as if it were linear.

    Each step is the shortest one inside the bounds to the nearest boundary. The result is the
    shortest multiple of all steps together that is still reached with values that a file stores.
    """

    name = "deepfool"
    family = "attack"
    paper = "arXiv:1511.04599"
    cost = "steps times candidates, at most"
    leaves_class = True
    minimal = True
    aliases = ("deep-fool", "minimal-norm")

    norm: str = declare_parameter(
        "2", "the distance: 2, Euclidean; inf, the largest change of a value", choices=BALLS
    )
    # Steps, overshoot and candidates are those of the authors' code.
    steps: int = declare_parameter(50, "steps, at most", minimum=1)
    overshoot: float = declare_parameter(
        0.02, "added share of the way from the input, to land across the boundary", minimum=0.0
    )
    candidates: int = declare_parameter(
        10, "other classes that a step considers, those with the highest scores", minimum=1
    )

    def search(self, problem: Problem) -> SearchResult:
        """Return the nearest points that are reached."""
        # The search has no radius; the ball only measures distances.
        ball = BALLS[self.norm](problem, np.inf)
        log = SearchLog(problem, measure=ball.measure)
        offsets = self._walk_across(log)
        _lengthen(log, offsets)
        log.settle()
        return log.build_result()

    def _walk_across(self, log: SearchLog) -> Array:
        """Return the offsets (B, D) after all steps, without overshoot."""
        problem = log.problem
        rows, points = problem.rows, problem.start
        offsets = np.zeros(points.shape)
        for step in range(self.steps):
            if not len(rows) or problem.should_stop():
                break
            send_frame(problem, step, self.steps, points, rows)
            pieces = log.compute_pieces(points, rows, self.candidates)
            is_open = _end_searches(log, rows, pieces)
            rows, points = rows[is_open], points[is_open]
            pieces = Pieces(pieces.scores[is_open], pieces.gradients[is_open])
            moves = self._find_moves(problem, points, rows, pieces)
            is_stuck = ~np.any(moves, axis=1)
            log.stop(rows[is_stuck], NO_ROOM)
            offsets[rows] += moves
            rows = rows[~is_stuck]
            # The overshoot is that of the whole way, as in the paper: one of every step would add
            # up.
            points = _add_offsets(problem, offsets[rows] * (1 + self.overshoot), rows)
            problem.on_step(step + 1, self.steps)
        return offsets

    def _find_moves(self, problem: Problem, points: Array, rows: Rows, pieces: Pieces) -> Array:
        """Return the shortest moves that bring one of the linear pieces to the wanted score."""
        shortest, moves = np.full(len(rows), np.inf), np.zeros(points.shape)
        for index in range(pieces.scores.shape[1]):
            exists = ~np.isneginf(pieces.scores[:, index])
            needs = np.where(exists, problem.wanted[rows] - pieces.scores[:, index], 0.0)
            directions = pieces.gradients[:, index].astype(np.float64)
            room = compute_room(directions, points, problem.low[rows], problem.high[rows])
            trial = self._find_crossing(directions, room, needs)
            gains = (np.abs(directions) * np.abs(trial)).sum(axis=1)
            # A piece that stays out of reach counts with the length that its rate would need.
            lengths = np.divide(
                self._measure(trial) * needs,
                gains,
                out=np.full(len(rows), np.inf),
                where=exists & (gains > 0),
            )
            better = lengths < shortest
            shortest[better], moves[better] = lengths[better], trial[better]
        return moves

    def _find_crossing(self, directions: Array, room: Array, needs: Array) -> Array:
        """Return the shortest offsets (N, D) along which a linear score rises by its need."""
        if self.norm == "inf":
            directions, weights = np.sign(directions), np.abs(directions)
        else:
            weights = np.abs(directions)
        scales = solve_scales(np.abs(directions), room, needs, weights=weights)
        return scale_offsets(directions, room, scales)

    def _measure(self, offsets: Array) -> Array:
        order = np.inf if self.norm == "inf" else 2
        return np.asarray(np.linalg.norm(offsets, ord=order, axis=1))


def _end_searches(log: SearchLog, rows: Rows, pieces: Pieces) -> NDArray[np.bool_]:
    """Return which items go on, (N,): those not across the boundary, rounded or not."""
    scores = pieces.scores.max(axis=1)
    largest = np.abs(pieces.gradients).max(axis=1)  # of any piece: zero where all are zero
    is_done = (scores >= log.problem.wanted[rows]) & np.isfinite(scores)
    return end_searches(log, rows, Evaluation(scores, largest), is_done)


def _lengthen(log: SearchLog, offsets: Array) -> None:
    """Evaluate multiples of the offsets, rounded, the shortest first, until one is reached."""
    problem = log.problem
    rows = problem.rows[np.any(offsets, axis=1)]
    for scale in SCALES:
        if not len(rows) or problem.should_stop():
            return
        points = _add_offsets(problem, offsets[rows] * scale, rows)
        points = log.round_points(points, rows)
        scores = log.compute_scores(points, rows)
        is_reached = scores >= problem.wanted[rows]
        log.stop(rows[is_reached], REACHED)
        rows = rows[~is_reached]


def _add_offsets(problem: Problem, offsets: Array, rows: Rows) -> Array:
    points = add_inward(problem.start[rows], offsets)
    return np.clip(points, problem.low[rows], problem.high[rows])
