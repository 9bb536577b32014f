"""Fourier coefficients as parameters, and what is known of the spectra of real values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.interfaces.goal import Rows
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.random_streams import draw_normal
from inputgrad_cli.optimization.maximization.parametrizations import Grid

Complex = NDArray[np.complex128]
COEFFICIENT_NOISE = 0.25  # standard deviation of the start: a faint texture on grey
COEFFICIENT_SCALE = 0.1  # lucid has 0.25, with which the steps of Adam saturate small pictures


@dataclass(frozen=True)
class Spectrum:
    """The real Fourier transform of values (N, ..., C) along the axes of space or time.

    Coefficients are (N, ..., F, C): the last of these axes has F = size // 2 + 1 frequencies.
    """

    grid: Grid

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the coefficients of an item."""
        *rows, last = self.grid.size
        return (*rows, last // 2 + 1, self.grid.channels)

    def transform(self, values: Array) -> Complex:
        """Return the coefficients of values."""
        return np.asarray(np.fft.rfftn(values, axes=self.grid.axes))

    def invert(self, coefficients: Complex) -> Array:
        """Return the values of coefficients."""
        return np.asarray(np.fft.irfftn(coefficients, s=self.grid.size, axes=self.grid.axes))

    def pull_back(self, gradients: Array) -> Complex:
        """Return d/dRe + i d/dIm of the coefficients, from gradients of the values."""
        coefficients = self.transform(gradients) * self.multiplicity
        return np.asarray(coefficients / np.prod(self.grid.size))

    @property
    def multiplicity(self) -> Array:
        """Return how often a coefficient stands in the full spectrum: 2, but 1 if self-paired.

        The columns of frequency zero and, if the size is even, of the highest frequency hold their
        own conjugates.
        """
        counts = np.full((self.shape[-2], 1), 2.0)
        counts[self.paired_columns] = 1.0
        return counts

    @property
    def paired_columns(self) -> list[int]:
        """Return the columns of the last axis that hold their own conjugates."""
        size = self.grid.size[-1]
        return [0] if size % 2 or size < 2 else [0, size // 2]

    @property
    def frequencies(self) -> Array:
        """Return the length of each frequency in cycles a sample, (..., F, 1)."""
        *rows, last = self.grid.size
        lines = [np.fft.fftfreq(size) for size in rows] + [np.fft.rfftfreq(last)]
        squares = sum(np.square(line) for line in np.meshgrid(*lines, indexing="ij"))
        return np.asarray(np.sqrt(squares))[..., np.newaxis]

    def compute_scales(self, decay: float) -> Array:
        """Return 1 / frequency^decay, (..., F, 1), times the root of the count of positions.

        The lowest frequencies count as one cycle over the longest axis.
        """
        lowest = 1.0 / max(self.grid.size)
        scales = np.maximum(self.frequencies, lowest) ** -decay
        return np.asarray(scales * np.sqrt(np.prod(self.grid.size)))


@dataclass(frozen=True)
class Fourier:
    """Fourier coefficients, scaled by 1 / frequency^decay: real and imaginary parts.

    Olah et al. 2017, doi:10.23915/distill.00007.
    """

    grid: Grid
    decay: float

    @property
    def spectrum(self) -> Spectrum:
        """Return the spectrum of the grid."""
        return Spectrum(self.grid)

    @property
    def count(self) -> int:
        """Return the count of real and imaginary parts."""
        return 2 * int(np.prod(self.spectrum.shape))

    @property
    def scales(self) -> Array:
        """Return the factor of each coefficient, (..., F, 1)."""
        return COEFFICIENT_SCALE * self.spectrum.compute_scales(self.decay)

    def draw_noise(self, seed: bytes, index: int) -> Array:
        """Return normal noise (count,)."""
        draws = draw_normal(seed, "fourier", index, (self.count,)).astype(np.float64)
        return COEFFICIENT_NOISE * draws

    def decode(self, parameters: Array, rows: Rows) -> Array:
        """Return the values (N, ..., C) of the coefficients."""
        pairs = np.ascontiguousarray(parameters, np.float64).view(np.complex128)
        coefficients = pairs.reshape(len(rows), *self.spectrum.shape)
        return self.spectrum.invert(coefficients * self.scales)

    def pull_back(self, parameters: Array, gradients: Array, rows: Rows) -> Array:
        """Return the gradients (N, count) of the real and imaginary parts."""
        slopes = self.spectrum.pull_back(gradients) * self.scales
        return np.ascontiguousarray(slopes).reshape(len(rows), -1).view(np.float64)
