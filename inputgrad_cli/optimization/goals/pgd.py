"""PGD: many small steps from a random point, kept within the radius."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.goal import Evaluation, Problem, Rows, SearchResult, goals
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.attack_radius import RadiusGoal, open_log, parse_step
from inputgrad_cli.optimization.iteration_loop import StepRule, evaluate_points, run_steps
from inputgrad_cli.optimization.norm_balls import Ball
from inputgrad_cli.registry import declare_parameter

REACH = 2.5  # times the radius: the way of all steps together, so that they can cross the ball


@goals.register
@dataclass(frozen=True)
class Pgd(RadiusGoal):
    """Best point in the radius by projected gradient ascent from random starts.

    Each step is `step` long: in the sign of the gradient, or along it with norm=2. Points that
    leave the radius or the bounds are projected back. An item ends as soon as it is reached.
    """

    name = "pgd"
    paper = "arXiv:1706.06083"
    cost = "steps times restarts, for each radius, at most"
    random = True
    aliases = ("bim", "i-fgsm", "projected-gradient-descent", "projected-gradient")

    steps: int = declare_parameter(40, "steps from each start", minimum=1)
    step: str | None = declare_parameter(
        None, "length of a step, in the unit of eps (2.5 times eps / steps if not given)"
    )
    restarts: int = declare_parameter(1, "random starts", minimum=1)

    def __post_init__(self) -> None:
        """Refuse a radius or a step that is not a number."""
        super().__post_init__()
        if self.step is not None:
            parse_step(self.step)

    def search(self, problem: Problem) -> SearchResult:
        """Return the best points of all steps and restarts."""
        log = open_log(problem)
        evaluate_points(log, problem.start, problem.rows)
        for ball in self.yield_balls(log):
            length = REACH * ball.radius / self.steps
            if self.step is not None:
                length = parse_step(self.step) * problem.radius_unit
            run_steps(log, _Steps(ball, length), steps=self.steps, restarts=self.restarts)
        return log.build_result()


@dataclass(frozen=True)
class _Steps(StepRule):
    """Steps of one length in a ball."""

    ball: Ball
    length: float

    def begin(self, problem: Problem, rows: Rows, restart: int) -> Array:
        """Return random points."""
        return self.ball.draw_points("start of pgd", restart, rows)

    def move(self, step: int, points: Array, rows: Rows, evaluation: Evaluation) -> Array:
        """Return the points one step further."""
        lengths = np.full(len(rows), self.length)
        return self.ball.move(points, evaluation.gradients, rows, lengths)
