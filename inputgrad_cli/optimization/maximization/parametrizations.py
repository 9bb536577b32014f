"""Parametrizations of an input: parameters become values, gradients become those of parameters.

A search that moves parameters instead of pixels draws other pictures: along the gradient of Fourier
coefficients, low frequencies move further than high ones, and the picture is smooth. Values are
(N, ..., C), with the axes of space or time in between; a plain vector is (N, C). A source gives
them without a unit, and `range_parametrizations.py` brings them to the range of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from inputgrad_cli.interfaces.goal import Rows
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.random_streams import draw_normal

PIXEL_NOISE = 0.2  # of the start: 0.05 of the input's range, see ranges.SLOPE


@dataclass(frozen=True)
class Grid:
    """The axes of an input: `size` along space or time, and the count of `channels`.

    A plain vector has no size, and a channel for each of its values.
    """

    size: tuple[int, ...]
    channels: int

    @property
    def axes(self) -> tuple[int, ...]:
        """Return the axes of space or time of values (N, ..., C)."""
        return tuple(range(1, 1 + len(self.size)))

    @property
    def count(self) -> int:
        """Return the count of values."""
        return int(np.prod(self.size, dtype=int)) * self.channels

    def unflatten(self, points: Array) -> Array:
        """Return points (N, D) as values (N, ..., C)."""
        return points.reshape(-1, *self.size, self.channels)


class Parametrization(Protocol):
    """A differentiable map from parameters to values. `rows` are the items of the N rows."""

    def decode(self, parameters: Array, rows: Rows) -> Array:
        """Return the values that the parameters stand for."""

    def pull_back(self, parameters: Array, gradients: Array, rows: Rows) -> Array:
        """Return the gradients of the parameters from those of the values."""


class Source(Parametrization, Protocol):
    """A parametrization whose parameters (N, count) are what a search moves."""

    @property
    def count(self) -> int:
        """Return the count of parameters of an item."""

    def draw_noise(self, seed: bytes, index: int) -> Array:
        """Return random parameters (count,) from which a search may begin."""


@dataclass(frozen=True)
class Pixels:
    """The values themselves."""

    grid: Grid

    @property
    def count(self) -> int:
        """Return the count of values."""
        return self.grid.count

    def draw_noise(self, seed: bytes, index: int) -> Array:
        """Return normal noise (count,)."""
        return PIXEL_NOISE * draw_normal(seed, "pixels", index, (self.count,)).astype(np.float64)

    def decode(self, parameters: Array, rows: Rows) -> Array:
        """Return the parameters as values (N, ..., C)."""
        return self.grid.unflatten(parameters)

    def pull_back(self, parameters: Array, gradients: Array, rows: Rows) -> Array:
        """Return the gradients as rows (N, count)."""
        return gradients.reshape(len(rows), -1)


@dataclass(frozen=True)
class Chain:
    """The parametrization of one input: a source, and maps that follow one after another."""

    grid: Grid
    source: Source
    links: Sequence[Parametrization]

    def decode(self, parameters: Array, rows: Rows) -> Array:
        """Return the values at the end of the chain, (N, ..., C)."""
        values = self.source.decode(parameters, rows)
        for link in self.links:
            values = link.decode(values, rows)
        return values

    def pull_back(self, parameters: Array, gradients: Array, rows: Rows) -> Array:
        """Return the gradients of the parameters (N, count) of the source."""
        stages = [self.source.decode(parameters, rows)]  # what each link is given
        for link in self.links[:-1]:
            stages.append(link.decode(stages[-1], rows))
        for link, stage in reversed(list(zip(self.links, stages, strict=True))):
            gradients = link.pull_back(stage, gradients, rows)
        return self.source.pull_back(parameters, gradients, rows)


@dataclass(frozen=True)
class PointParametrization:
    """The parametrization of points: chains side by side, one for each input."""

    chains: Sequence[Chain]

    @property
    def count(self) -> int:
        """Return the count of parameters of an item."""
        return sum(chain.source.count for chain in self.chains)

    def draw_noise(self, seed: bytes, index: int) -> Array:
        """Return random parameters (count,) from which a search may begin."""
        return np.concatenate([chain.source.draw_noise(seed, index) for chain in self.chains])

    def decode(self, parameters: Array, rows: Rows) -> Array:
        """Return the points (N, D), float32."""
        parts = zip(self.chains, self._split(parameters), strict=True)
        values = [chain.decode(part, rows) for chain, part in parts]
        points = np.concatenate([v.reshape(len(rows), -1) for v in values], axis=1)
        return points.astype(np.float32)

    def pull_back(self, parameters: Array, gradients: Array, rows: Rows) -> Array:
        """Return the gradients of the parameters (N, count) from those of points (N, D)."""
        slopes = split_points(gradients, [chain.grid for chain in self.chains])
        pulled = [
            chain.pull_back(part, slope, rows)
            for chain, part, slope in zip(self.chains, self._split(parameters), slopes, strict=True)
        ]
        return np.concatenate(pulled, axis=1)

    def _split(self, parameters: Array) -> list[Array]:
        return split_columns(parameters, [chain.source.count for chain in self.chains])


def split_columns(array: Array, widths: Sequence[int]) -> list[Array]:
    """Return the columns of an array (N, sum of widths) in groups of these widths."""
    return [array[:, start:stop] for start, stop in pairwise(np.cumsum([0, *widths]))]


def split_points(points: Array, grids: Sequence[Grid]) -> list[Array]:
    """Return the values (N, ..., C) of each input of points (N, D)."""
    parts = split_columns(points, [grid.count for grid in grids])
    return [grid.unflatten(part) for grid, part in zip(grids, parts, strict=True)]
