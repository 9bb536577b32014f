"""Noise with the spectrum of what a search has added: what is left without any shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.interfaces.goal import Problem
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.random_streams import draw_normal
from inputgrad_cli.optimization.maximization.fourier_coefficients import Spectrum
from inputgrad_cli.optimization.maximization.parametrization_builder import list_grids
from inputgrad_cli.optimization.maximization.parametrizations import Grid, split_points


def draw_phase_noise(problem: Problem, points: Array) -> Array | None:
    """Return the starts plus the changes of points (B, D) with random phases, rounded as stored.

    Values of plain vectors, which have no spectrum, keep their changes. Returns None if there are
    no others.
    """
    grids = list_grids(problem)
    if not any(grid.size for grid in grids):
        return None
    changes = split_points(points.astype(np.float64) - problem.start, grids)
    noise = [
        (draw_phases(grid, values, problem.seeds) if grid.size else values)
        for grid, values in zip(grids, changes, strict=True)
    ]
    flat = np.concatenate([values.reshape(len(points), -1) for values in noise], axis=1)
    moved = np.clip(problem.start + flat, problem.low, problem.high).astype(np.float32)
    return problem.round_points(moved, problem.rows)


def draw_phases(grid: Grid, values: Array, seeds: Sequence[bytes]) -> Array:
    """Return values (N, ..., C) with the magnitudes of their spectrum, and random phases.

    The channels of an item are turned alike, so that its colours stay; so does its mean.
    """
    spectrum = Spectrum(grid)
    shape = (*grid.size, 1)
    white = np.stack([draw_normal(seed, "noise", 0, shape) for seed in seeds])
    # The phases of real noise are those that real values can have.
    turns = np.exp(1j * np.angle(spectrum.transform(white)))
    turns = np.where(spectrum.frequencies > 0, turns, 1.0)
    return spectrum.invert(spectrum.transform(values) * turns)
