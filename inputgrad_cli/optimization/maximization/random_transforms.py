"""Small random movements of an input: linear maps with exact adjoints.

A picture whose score survives them has shapes instead of fine grain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.random_streams import draw_uniform
from inputgrad_cli.optimization.maximization.parametrizations import Grid, split_points


@dataclass(frozen=True)
class Roll:
    """A shift by whole positions (N, axes); what leaves on a side comes in on the other."""

    grid: Grid
    shifts: Array

    def apply(self, values: Array) -> Array:
        """Return the shifted values (N, ..., C)."""
        return self._shift_by(values, self.shifts)

    def pull_back(self, gradients: Array) -> Array:
        """Return the gradients of the values, from those of the shifted values."""
        return self._shift_by(gradients, -self.shifts)

    def _shift_by(self, values: Array, shifts: Array) -> Array:
        axes = tuple(axis - 1 for axis in self.grid.axes)
        pairs = zip(values, shifts, strict=True)
        return np.stack([np.roll(value, tuple(shift), axes) for value, shift in pairs])


@dataclass(frozen=True)
class Resampling:
    """A rotation and scaling of pictures about their middle: each pixel is a mean of four.

    `angles` are in radians, `scales` are factors, both (N,). Beyond its edges a picture is
    mirrored. So a constant picture does not change, and no value leaves the range of the picture.
    If it is not `mirrored` it is zero there.
    """

    grid: Grid
    angles: Array
    scales: Array
    mirrored: bool = True

    def apply(self, values: Array) -> Array:
        """Return the resampled values (N, H, W, C), float64."""
        result = np.empty(values.shape)
        for item, value in enumerate(values):
            indices, weights = self._neighbours[item]
            pixels = value.reshape(-1, self.grid.channels)[indices]
            result[item] = (pixels * weights[..., np.newaxis]).sum(axis=0).reshape(value.shape)
        return result

    def pull_back(self, gradients: Array) -> Array:
        """Return the gradients of the values, from those of the resampled values."""
        result = np.empty(gradients.shape)
        for item, gradient in enumerate(gradients):
            indices, weights = self._neighbours[item]
            for channel in range(self.grid.channels):
                shares = weights * gradient[..., channel].ravel()
                # np.add.at does the same, many times slower.
                sums = np.bincount(indices.ravel(), shares.ravel(), indices.shape[1])
                result[item, ..., channel] = sums.reshape(self.grid.size)
        return result

    @cached_property
    def _neighbours(self) -> list[tuple[Array, Array]]:
        return [self._compute_neighbours(item) for item in range(len(self.angles))]

    def _compute_neighbours(self, item: int) -> tuple[Array, Array]:
        """Return the indices of the four pixels around each pixel's origin, and their weights.

        Both are (4, H * W).
        """
        height, width = self.grid.size
        rows, columns = np.indices((height, width)).reshape(2, -1)
        down, right = rows - (height - 1) / 2, columns - (width - 1) / 2
        cosine, sine = (
            function(self.angles[item]) / self.scales[item] for function in (np.cos, np.sin)
        )
        down, right = cosine * down - sine * right, sine * down + cosine * right
        top, row_share = _mirror((height - 1) / 2 + down, height)
        left, column_share = _mirror((width - 1) / 2 + right, width)
        bottom, beside = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
        indices = [row * width + column for row in (top, bottom) for column in (left, beside)]
        weights = [
            row_weight * column_weight
            for row_weight in (1 - row_share, row_share)
            for column_weight in (1 - column_share, column_share)
        ]
        if not self.mirrored:
            is_inside = (np.abs(down) < height / 2) & (np.abs(right) < width / 2)
            weights = [weight * is_inside for weight in weights]
        return np.stack(indices), np.stack(weights)


def _mirror(positions: Array, size: int) -> tuple[Array, Array]:
    """Return the pixel before each position, and the position's distance from it.

    Pixel i lies at i, and the edges of the picture at -0.5 and size - 0.5.
    """
    turned = (positions + 0.5) % (2 * size)
    inside = np.clip(np.minimum(turned, 2 * size - turned) - 0.5, 0, size - 1)
    before = inside.astype(np.intp)
    return before, inside - before


Movement = Roll | Resampling


@dataclass(frozen=True)
class PointMovements:
    """The movements of points: for each input, those that are applied one after another."""

    grids: Sequence[Grid]
    movements: Sequence[Sequence[Movement]]

    def apply(self, points: Array) -> Array:
        """Return the moved points (N, D), float32."""
        parts = split_points(points, self.grids)
        for index, movements in enumerate(self.movements):
            for movement in movements:
                parts[index] = movement.apply(parts[index])
        return _join(parts).astype(np.float32)

    def pull_back(self, gradients: Array) -> Array:
        """Return the gradients of the points (N, D), from those of the moved points."""
        parts = split_points(gradients, self.grids)
        for index, movements in enumerate(self.movements):
            for movement in reversed(movements):
                parts[index] = movement.pull_back(parts[index])
        return _join(parts)


@dataclass(frozen=True)
class Movements:
    """How far inputs are moved at random, each item by its own seed, at every step anew.

    `jitter` is the longest shift as a share of each side; `rotate` in degrees and `scale` as a
    share are the most by which pictures are turned and resized, either way; what comes in from
    beyond their edges is `mirrored` or zero.
    """

    grids: Sequence[Grid]
    jitter: float
    rotate: float
    scale: float
    mirrored: bool = True

    @property
    def is_still(self) -> bool:
        """Return True if nothing ever moves."""
        return not any(self._draw(grid, np.zeros((1, len(grid.size) + 2))) for grid in self.grids)

    def draw(self, seeds: Sequence[bytes], step: int) -> PointMovements:
        """Return the movements of items with these seeds at a step."""
        movements = []
        for index, grid in enumerate(self.grids):
            stream, width = f"movement-{index}", len(grid.size) + 2
            draws = np.stack([draw_uniform(seed, stream, step, (width,)) for seed in seeds])
            movements.append(self._draw(grid, 2.0 * draws.astype(np.float64) - 1.0))
        return PointMovements(self.grids, movements)

    def _draw(self, grid: Grid, draws: Array) -> list[Movement]:
        """Return the movements of an input, from draws in [-1, 1), (N, axes + 2)."""
        movements: list[Movement] = []
        reach = np.round(self.jitter * np.array(grid.size))
        if reach.any():
            shifts = np.round(draws[:, 2:] * (reach + 0.5)).clip(-reach, reach)
            movements.append(Roll(grid, shifts.astype(np.intp)))
        if len(grid.size) == 2 and (self.rotate or self.scale):
            angles = np.deg2rad(self.rotate) * draws[:, 0]
            scales = 1.0 + self.scale * draws[:, 1]
            movements.append(Resampling(grid, angles, scales, self.mirrored))
        return movements


def _join(parts: Sequence[Array]) -> Array:
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
