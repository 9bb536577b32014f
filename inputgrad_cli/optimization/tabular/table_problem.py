"""Problems whose points are rows of a table, which keep to what its features may be."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from inputgrad_cli.interfaces.goal import Problem, Rows
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.tabular.row_search_space import RowSpace, build_row_space


@dataclass(frozen=True)
class TableProblem(Problem):
    """A problem with the points that each row may become.

    The columns of one-hot groups may not move, because a step along a gradient would leave a row
    that is in several categories; `try_categories` changes them.
    """

    spaces: tuple[RowSpace, ...] = ()

    def round_points(self, points: Array, rows: Rows) -> Array:
        """Return the nearest points (N, D) with the values that the features may have."""
        rounded = np.empty(points.shape, np.float32)
        for index, row in enumerate(rows):
            rounded[index] = self.spaces[row].round_near(points[index].astype(np.float64))
        return rounded


def build_table_problem(problem: Problem) -> TableProblem:
    """Return the problem with bounds from its features."""
    spaces = tuple(build_row_space(problem, index) for index in range(len(problem)))
    values = {item.name: getattr(problem, item.name) for item in fields(problem)}
    for name in ("low", "high"):
        bounds = [getattr(space, name).astype(np.float32) for space in spaces]
        values[name] = np.array(bounds, np.float32).reshape(problem.start.shape)
    return TableProblem(**values, spaces=spaces)


def try_categories(log: SearchLog, spaces: tuple[RowSpace, ...]) -> None:
    """Score the best point of each item with every other category of each group in turn."""
    groups = [space.groups for space in spaces]
    for index in range(max(map(len, groups), default=0)):
        options = [group[index].options if index < len(group) else () for group in groups]
        for option in range(max(map(len, options))):
            rows = np.array([row for row, known in enumerate(options) if option < len(known)], int)
            if log.problem.should_stop():
                return
            points = log.points[rows]
            for point, row in zip(points, rows, strict=True):
                point[[groups[row][index].active, *options[row]]] = 0.0
                point[options[row][option]] = 1.0
            log.compute_scores(points, rows)
