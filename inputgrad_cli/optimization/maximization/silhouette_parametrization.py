"""An object in one colour, cut out of a picture: its outline is all by which it is recognised."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inputgrad_cli.interfaces.goal import Problem
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.random_streams import draw_normal
from inputgrad_cli.optimization.maximization.fourier_coefficients import COEFFICIENT_NOISE, Fourier
from inputgrad_cli.optimization.maximization.parametrization_builder import list_grids
from inputgrad_cli.optimization.maximization.parametrizations import Grid
from inputgrad_cli.optimization.maximization.range_parametrizations import compute_sigmoid
from inputgrad_cli.optimization.maximization.spotlight_window import compute_disc

# In shortest sides. A larger disc has room for a fifth corner of a square, a fifth arm of a cross.
RADIUS, EDGE = 0.24, 0.03
SLOPE = 4.0  # of both sigmoids, so that edges become sharp and colours full
OPACITY = 1.0  # before the sigmoid, at the start: from a pale disc the score rises, from grey not


@dataclass(frozen=True)
class Layers:
    """An object: its opacity from 0 to 1, (N, H, W, 1), and its colour, (N, 1, 1, C)."""

    opacity: Array
    colour: Array

    def paint(self, behind: Array) -> Array:
        """Return the object before a picture (N, H, W, C)."""
        return np.asarray(behind + self.opacity * (self.colour - behind))

    def pull_back(self, gradients: Array, behind: Array) -> Layers:
        """Return the gradients of the opacity and of the colour from those of the painted."""
        opacity = (gradients * (self.colour - behind)).sum(axis=-1, keepdims=True)
        colour = (gradients * self.opacity).sum(axis=(1, 2), keepdims=True)
        return Layers(opacity, colour)


@dataclass(frozen=True)
class Cutouts:
    """The parametrization of objects by Fourier coefficients of the opacity, and by the colour.

    The opacity is exactly 0 outside a disc in the middle. `low` and `high` (C,) bound the colour.
    """

    grid: Grid
    decay: float
    low: Array
    high: Array

    @property
    def count(self) -> int:
        """Return the count of parameters of an item."""
        return self.fourier.count + self.grid.channels

    @cached_property
    def fourier(self) -> Fourier:
        """Return the coefficients of the opacity."""
        return Fourier(Grid(self.grid.size, 1), self.decay)

    @cached_property
    def disc(self) -> Array:
        """Return the largest opacity, (H, W, 1)."""
        return compute_disc(self.grid, RADIUS, EDGE)

    def draw_noise(self, seed: bytes) -> Array:
        """Return random parameters (count,) from which a search may begin."""
        colour = draw_normal(seed, "colour", 0, (self.grid.channels,)).astype(np.float64)
        noise = self.fourier.draw_noise(seed, 0)
        return np.concatenate([noise, COEFFICIENT_NOISE * colour])

    def decode(self, parameters: Array) -> Layers:
        """Return the objects of parameters (N, count)."""
        opacity, colour = self._compute_shares(parameters)
        return Layers(self.disc * opacity, self.low + (self.high - self.low) * colour)

    def pull_back(self, parameters: Array, slopes: Layers) -> Array:
        """Return the gradients of the parameters from those of the objects."""
        opacity, colour = self._compute_shares(parameters)
        inner = slopes.opacity * self.disc * SLOPE * opacity * (1 - opacity)
        rows = np.arange(len(parameters))
        coefficients = self.fourier.pull_back(parameters, inner, rows)
        spans = self.high - self.low
        colours = slopes.colour * spans * SLOPE * colour * (1 - colour)
        return np.concatenate([coefficients, colours.reshape(len(parameters), -1)], axis=1)

    def _compute_shares(self, parameters: Array) -> tuple[Array, Array]:
        """Return the opacity before the disc, and the colour as a share of its range."""
        count, rows = self.fourier.count, np.arange(len(parameters))
        values = self.fourier.decode(parameters[:, :count], rows)
        colours = parameters[:, np.newaxis, np.newaxis, count:]
        return compute_sigmoid(SLOPE * values + OPACITY), compute_sigmoid(SLOPE * colours)


def build_cutouts(problem: Problem, decay: float) -> Cutouts | None:
    """Return the parametrization of a problem whose points are one bounded picture, else None."""
    grids = list_grids(problem)
    is_bounded = np.isfinite(problem.low).all() and np.isfinite(problem.high).all()
    if len(grids) != 1 or len(grids[0].size) != 2 or not is_bounded:
        return None
    (grid,) = grids
    low = problem.low.reshape(-1, grid.channels).min(axis=0)
    high = problem.high.reshape(-1, grid.channels).max(axis=0)
    return Cutouts(grid, decay, low.astype(np.float64), high.astype(np.float64))
