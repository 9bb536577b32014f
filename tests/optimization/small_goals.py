"""Goals of a few lines, so that what stands around goals is tested apart from them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inputgrad_cli.interfaces.goal import Goal
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.iteration_loop import StepRule, run_steps


class Ascend(StepRule):
    """A rule that goes along the gradient, or its sign, within the bounds."""

    def __init__(self, step, signs):
        self.step, self.signs = step, signs

    def begin(self, problem, rows, restart):
        self.problem = problem
        return problem.start[rows]

    def move(self, step, points, rows, evaluation):
        slopes = evaluation.gradients
        moved = points + self.step * (np.sign(slopes) if self.signs else slopes)
        return np.clip(moved, self.problem.low[rows], self.problem.high[rows]).astype(np.float32)


@dataclass(frozen=True)
class Attack(Goal):
    """Steps along the gradient until the class is another."""

    name: ClassVar[str] = "attack"
    leaves_class: ClassVar[bool] = True
    step: float = 0.1
    steps: int = 200
    signs: bool = False

    def search(self, problem):
        log = SearchLog(problem)
        run_steps(log, Ascend(self.step, self.signs), steps=self.steps)
        return log.build_result()


@dataclass(frozen=True)
class Climb(Attack):
    """Steps along the gradient to the end."""

    name: ClassVar[str] = "climb"
    leaves_class: ClassVar[bool] = False


@dataclass(frozen=True)
class Repair(Climb):
    """A goal that stops where it is reached; it changes as little as it must."""

    name: ClassVar[str] = "repair"
    minimal: ClassVar[bool] = True
