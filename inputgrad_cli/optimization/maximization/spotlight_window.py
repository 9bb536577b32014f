"""The spotlight of a maximization: a window outside of which an input fades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.goal import Rows
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.maximization.parametrizations import Grid

WINDOW_SIGMA = 0.22  # of the spotlight, in shortest sides: one object of half a side fits into it


@dataclass(frozen=True)
class Spotlight:
    """The values inside a smooth round window, fading to the start outside of it."""

    start: Array
    window: Array

    def decode(self, parameters: Array, rows: Rows) -> Array:
        """Return the values, faded."""
        start = self.start[rows].astype(np.float64)
        return np.asarray(start + self.window * (parameters - start))

    def pull_back(self, parameters: Array, gradients: Array, rows: Rows) -> Array:
        """Return the gradients of the values."""
        return gradients * self.window


def compute_window(grid: Grid) -> Array:
    """Return a window (..., 1): 1 in the middle, flat inside, 0 at the corners.

    It is exp(-(r^2 / 2 sigma^2)^2), half at 1.3 sigma, with a sigma of 0.22 of the shortest side.
    """
    sigma = min(grid.size) * WINDOW_SIGMA
    return np.exp(-np.square(_compute_squares(grid) / (2 * sigma**2)))[..., np.newaxis]


def compute_disc(grid: Grid, radius: float, edge: float) -> Array:
    """Return a disc (..., 1) in the middle: 1 inside, exactly 0 outside.

    Across its edge it falls in a straight line, from `radius - edge` to `radius + edge`. Both are
    in shortest sides.
    """
    distances = np.sqrt(_compute_squares(grid)) / min(grid.size)
    shares = np.clip((radius + edge - distances) / (2 * edge), 0.0, 1.0)
    return np.asarray(shares[..., np.newaxis])


def _compute_squares(grid: Grid) -> Array:
    """Return the squared distance of each place from the middle, in places."""
    lines = [np.arange(size) - (size - 1) / 2 for size in grid.size]
    return np.asarray(sum(np.square(line) for line in np.meshgrid(*lines, indexing="ij")))
