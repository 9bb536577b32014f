"""FGSM: one step to the edge of the radius."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.interfaces.goal import Problem, SearchResult, goals
from inputgrad_cli.optimization.attack_radius import RadiusGoal, open_log
from inputgrad_cli.optimization.iteration_loop import end_searches, evaluate_points, send_frame


@goals.register
@dataclass(frozen=True)
class Fgsm(RadiusGoal):
    """Best point in the radius if the score were linear: one step along the gradient.

    The gradient is that at the input, for all radii. The point is the exact optimum of the linear
    score in ball and bounds: with norm=2, values at their bounds leave more to the others.
    """

    name = "fgsm"
    paper = "arXiv:1412.6572"
    cost = "1, and a score for each radius"
    aliases = ("fgm", "fast-gradient-sign", "fast-gradient")

    def search(self, problem: Problem) -> SearchResult:
        """Return the points of one step, from one gradient and one score per radius."""
        log, rows = open_log(problem), problem.rows
        evaluation = log.compute_gradients(problem.start, rows)
        is_done = log.verify_reached(problem.start, rows, evaluation.scores)
        is_open = end_searches(log, rows, evaluation, is_done)
        for ball in self.yield_balls(log):
            rows = log.list_open_rows()
            rows = rows[is_open[rows]]
            if len(rows):
                points = ball.find_highest(evaluation.gradients[rows], rows)
                points = ball.round_points(points, rows)
                send_frame(problem, *log.part, points, rows)
                evaluate_points(log, points, rows)
            problem.on_step(log.part[0] + 1, log.part[1])
        return log.build_result()
