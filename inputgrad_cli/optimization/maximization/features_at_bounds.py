"""Says how many features of a result lie at a bound."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.interfaces.goal import Problem
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.maximization.parametrization_builder import list_grids


def describe_bounds(problem: Problem, points: Array) -> list[str]:
    """Return for each point how many features of its plain vectors lie at a bound.

    A score without a maximum inside the bounds ends there. The text is empty where none does.
    """
    grids = list_grids(problem)
    is_feature = np.concatenate([np.full(grid.count, not grid.size) for grid in grids])
    can_move = (problem.low < problem.high) & is_feature
    is_bound = can_move & ((points <= problem.low) | (points >= problem.high))
    counts = zip(is_bound.sum(axis=1), can_move.sum(axis=1), strict=True)
    return [
        f"at the bound: {bound} of {total} features" if bound else "" for bound, total in counts
    ]
