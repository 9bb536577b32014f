"""Builds the parametrization of a problem's points, from the shapes of its inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.goal import Problem
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.maximization.colour_decorrelation import (
    Colours,
    build_imagenet_colours,
    compute_colours,
)
from inputgrad_cli.optimization.maximization.fourier_coefficients import Fourier, Spectrum
from inputgrad_cli.optimization.maximization.parametrizations import (
    Chain,
    Grid,
    Parametrization,
    Pixels,
    PointParametrization,
    split_points,
)
from inputgrad_cli.optimization.maximization.phase_parametrization import (
    Phases,
    compute_mean_magnitudes,
    compute_smooth_magnitudes,
)
from inputgrad_cli.optimization.maximization.range_parametrizations import (
    SLOPE,
    Clip,
    Sigmoid,
    compute_units,
)
from inputgrad_cli.optimization.maximization.spotlight_window import Spotlight, compute_window

FOURIER, PIXELS, MACO = "fourier", "pixels", "maco"
CONTRAST = 0.2  # standard deviation of a maco picture without data, as a share of the range


@dataclass(frozen=True)
class CanvasOptions:
    """Which parameters are moved, how fast magnitudes fall with frequency, and the spotlight."""

    param: str
    decay: float
    spotlight: bool


@dataclass(frozen=True)
class Canvas:
    """One input of a problem: its axes, its start and bounds (B, ..., C), and data (K, ..., C)."""

    grid: Grid
    start: Array
    low: Array
    high: Array
    data: Array | None
    is_rgb: bool
    from_noise: bool

    def build(self, options: CanvasOptions) -> Chain:
        """Return the parametrization of the input; that of a plain vector is its values."""
        if not self.grid.size or options.param == PIXELS:
            chain = Chain(self.grid, Pixels(self.grid), [self._clip(self.start, SLOPE)])
        elif options.param == FOURIER:
            chain = self._build_fourier(options.decay)
        elif self.from_noise:
            chain = self._build_phases(options.decay)
        else:
            chain = self._build_own_phases()
        if options.spotlight and self.grid.size:
            spotlight = Spotlight(self.start, compute_window(self.grid))
            return Chain(self.grid, chain.source, [*chain.links, spotlight])
        return chain

    def _build_fourier(self, decay: float) -> Chain:
        """Return coefficients of the picture, or of a change that is added to the start."""
        is_bounded = bool(np.isfinite(self.low).all() and np.isfinite(self.high).all())
        bounds: Parametrization = self._clip(self.start, SLOPE)
        if self.from_noise and is_bounded:
            bounds = Sigmoid(self.start, self.low, self.high)
        return Chain(self.grid, Fourier(self.grid, decay), [*self._list_colours(), bounds])

    def _build_own_phases(self) -> Chain:
        """Return phases under the magnitudes of the start, which parameters of zero give."""
        middle = np.broadcast_to(_average(self.start, self.grid.axes), self.start.shape)
        spectrum = Spectrum(self.grid)
        coefficients = spectrum.transform(self.start - middle)
        phases = Phases(self.grid, np.abs(coefficients), np.angle(coefficients))
        return Chain(self.grid, phases, [self._clip(middle)])

    def _build_phases(self, decay: float) -> Chain:
        """Return phases under the mean magnitudes of the data, or under smooth ones."""
        spectrum, colours = Spectrum(self.grid), self._list_colours()
        first = np.zeros((1, *spectrum.shape))
        if self.data is None:
            magnitudes = compute_smooth_magnitudes(spectrum, decay)
            bounds = self._clip(self.start, CONTRAST)
        else:
            components: Array = self.data.astype(np.float64)
            for colour in colours:
                components = colour.separate(components)
            magnitudes = compute_mean_magnitudes(spectrum, components)
            middle = _average(self.data, (0, *self.grid.axes))
            bounds = self._clip(np.broadcast_to(middle, self.start.shape))
        return Chain(self.grid, Phases(self.grid, magnitudes, first), [*colours, bounds])

    def _list_colours(self) -> list[Colours]:
        """Return the components of the colours, those of the data if there are any."""
        if self.data is not None and self.grid.channels > 1:
            return [compute_colours(self.data)]
        return [build_imagenet_colours()] if self.is_rgb else []

    def _clip(self, start: Array, share: float | None = None) -> Clip:
        """Return bounds for values in units of this share of the range, or of the input itself."""
        units = np.ones_like(start, np.float64)
        if share is not None:
            units = compute_units(self.low, self.high, share)
        return Clip(start, self.low, self.high, units)


def build_parametrization(problem: Problem, options: CanvasOptions) -> PointParametrization:
    """Return the parametrization of all inputs of a problem."""
    grids = list_grids(problem)
    start, low, high = (
        split_points(points, grids) for points in (problem.start, problem.low, problem.high)
    )
    data = None if problem.data is None else split_points(problem.data, grids)
    is_picture = [name in problem.pictures for name in problem.shapes] or [False]
    canvases = [
        Canvas(
            grid,
            start=start[index],
            low=low[index],
            high=high[index],
            data=None if data is None else data[index],
            is_rgb=is_picture[index] and grid.channels == 3,
            from_noise=problem.from_noise,
        )
        for index, grid in enumerate(grids)
    ]
    return PointParametrization([canvas.build(options) for canvas in canvases])


def list_grids(problem: Problem) -> list[Grid]:
    """Return the axes of each input of a problem.

    All axes but the last are of space or time. Inputs with one axis are plain vectors unless they
    are series, and pictures (H, W) have one channel.
    """
    grids = []
    for name, shape in problem.shapes.items():
        is_flat = name in problem.series and len(shape) == 1
        is_flat |= name in problem.pictures and len(shape) == 2
        *size, channels = (*shape, 1) if is_flat else shape
        grids.append(Grid(tuple(size), channels))
    return grids or [Grid((), problem.start.shape[1])]


def _average(values: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(values.mean(axis=axes, keepdims=True, dtype=np.float64))
