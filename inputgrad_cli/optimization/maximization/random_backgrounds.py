"""Random surroundings of the spotlight: what is inside has to stand out from whatever is around.

With grey around it, a search uses the window's own edge, and fills the window with many parts of
an object. Before surroundings that change at each step the score is that of one object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.goal import Problem
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.random_streams import draw_uniform
from inputgrad_cli.optimization.maximization.fourier_coefficients import Fourier
from inputgrad_cli.optimization.maximization.parametrization_builder import list_grids
from inputgrad_cli.optimization.maximization.parametrizations import Grid, split_points
from inputgrad_cli.optimization.maximization.range_parametrizations import compute_units
from inputgrad_cli.optimization.maximization.spotlight_window import compute_window

DECAY = 1.5  # of the texture: clouds, as the surroundings of objects are mostly smooth
TEXTURE = 0.12  # standard deviation of the texture, as a share of the range of values
SHIFT = 0.25  # the most by which the colour of all surroundings differs from the start's


@dataclass(frozen=True)
class Backdrop:
    """What is added around the window of one input; `units` (..., C) are the range of values."""

    grid: Grid
    units: Array

    def draw(self, seed: bytes, step: int) -> Array:
        """Return clouds in a random colour, (..., C); nothing in the middle of the window."""
        clouds = draw_clouds(self.grid, seed, step, SHIFT)
        return np.asarray((1.0 - compute_window(self.grid)) * clouds * self.units)


@dataclass(frozen=True)
class Backdrops:
    """The backdrops of all inputs, side by side; None for a plain vector."""

    parts: Sequence[Backdrop | None]
    counts: Sequence[int]

    def draw(self, seeds: Sequence[bytes], step: int) -> Array:
        """Return what is added to points at a step, (N, D); each item has its own."""
        return np.stack([self._draw_point(seed, step) for seed in seeds])

    def _draw_point(self, seed: bytes, step: int) -> Array:
        values = [
            np.zeros(count) if part is None else part.draw(seed, step).ravel()
            for part, count in zip(self.parts, self.counts, strict=True)
        ]
        return np.concatenate(values)


def draw_clouds(grid: Grid, seed: bytes, step: int, shift: float) -> Array:
    """Return a texture in a random colour, (..., C), as shares of the range around 0.

    Each channel of the colour is at most `shift`, either way.
    """
    fourier, rows = Fourier(grid, DECAY), np.zeros(1, np.intp)
    texture = fourier.decode(fourier.draw_noise(seed + b"backdrop", step)[np.newaxis], rows)[0]
    colour = 2.0 * draw_uniform(seed, "backdrop", step, (grid.channels,)) - 1.0
    deviation = max(float(texture.std()), np.finfo(float).tiny)
    return np.asarray(TEXTURE * texture / deviation + shift * colour)


def build_backdrops(problem: Problem) -> Backdrops:
    """Return the backdrops of a problem's inputs."""
    grids = list_grids(problem)
    low, high = (split_points(bounds[:1], grids) for bounds in (problem.low, problem.high))
    parts = [
        Backdrop(grid, compute_units(low[index][0], high[index][0], 1.0)) if grid.size else None
        for index, grid in enumerate(grids)
    ]
    return Backdrops(parts, [grid.count for grid in grids])
