"""Phases as parameters, under a spectrum of fixed magnitudes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.goal import Rows
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.random_streams import draw_uniform
from inputgrad_cli.optimization.maximization.fourier_coefficients import Spectrum
from inputgrad_cli.optimization.maximization.parametrizations import Grid

RADIANS = 2.0  # of a parameter: Adam's step of 0.05 turns a phase by 0.1


@dataclass(frozen=True)
class Phases:
    """The phases of a spectrum whose magnitudes never change, known as MaCo.

    `magnitudes` are (1 or B, ..., F, C), and so are the phases `first` of parameters zero. In the
    columns that hold their own conjugates only the antisymmetric part of the parameters counts:
    with other phases the inverse transform would change the magnitudes there.
    Fel et al. 2023, arXiv:2306.06805.
    """

    grid: Grid
    magnitudes: Array
    first: Array

    @property
    def spectrum(self) -> Spectrum:
        """Return the spectrum of the grid."""
        return Spectrum(self.grid)

    @property
    def count(self) -> int:
        """Return the count of phases."""
        return int(np.prod(self.spectrum.shape))

    def draw_noise(self, seed: bytes, index: int) -> Array:
        """Return parameters (count,) of uniform phases."""
        turns = draw_uniform(seed, "phases", index, (self.count,)).astype(np.float64) - 0.5
        return turns * 2 * np.pi / RADIANS

    def decode(self, parameters: Array, rows: Rows) -> Array:
        """Return the values (N, ..., C)."""
        return self.spectrum.invert(self._compose(parameters, rows))

    def pull_back(self, parameters: Array, gradients: Array, rows: Rows) -> Array:
        """Return the gradients (N, count) of the parameters."""
        coefficients = self._compose(parameters, rows)
        slopes = self.spectrum.pull_back(gradients)
        turning = coefficients.real * slopes.imag - coefficients.imag * slopes.real
        # To take the antisymmetric part is its own adjoint.
        return (RADIANS * self._take_antisymmetric(turning)).reshape(len(rows), -1)

    def _compose(self, parameters: Array, rows: Rows) -> Array:
        """Return the coefficients (N, ..., F, C)."""
        phases = RADIANS * parameters.reshape(len(rows), *self.spectrum.shape)
        phases = self._take_antisymmetric(phases) + _take(self.first, rows)
        return np.asarray(_take(self.magnitudes, rows) * np.exp(1j * phases))

    def _take_antisymmetric(self, phases: Array) -> Array:
        """Return phases whose paired columns are opposite at opposite frequencies."""
        result = phases.copy()
        for column in self.spectrum.paired_columns:
            line = phases[..., column, :]
            opposite = line
            for axis, size in zip(self.grid.axes[:-1], self.grid.size[:-1], strict=True):
                opposite = np.take(opposite, -np.arange(size) % size, axis)
            result[..., column, :] = (line - opposite) / 2
        return result


def compute_smooth_magnitudes(spectrum: Spectrum, decay: float) -> Array:
    """Return magnitudes 1 / frequency^decay, (1, ..., F, C), of a standard deviation of 1."""
    magnitudes = _clear_mean(spectrum, spectrum.compute_scales(decay) + np.zeros(spectrum.shape))
    count = np.prod(spectrum.grid.size)
    powers = (spectrum.multiplicity * np.square(magnitudes)).reshape(-1, magnitudes.shape[-1])
    deviations = np.sqrt(powers.sum(axis=0)) / count  # by Parseval's theorem
    return np.asarray(magnitudes / np.where(deviations > 0, deviations, 1.0))[np.newaxis]


def compute_mean_magnitudes(spectrum: Spectrum, samples: Iterable[Array]) -> Array:
    """Return the mean magnitudes (1, ..., F, C) of samples (..., C), without that of the mean."""
    total, count = np.zeros((1, *spectrum.shape)), 0
    for sample in samples:  # one by one, because the spectra of all may not fit into memory
        total += np.abs(spectrum.transform(sample[np.newaxis]))
        count += 1
    return _clear_mean(spectrum, total / max(count, 1))


def _clear_mean(spectrum: Spectrum, magnitudes: Array) -> Array:
    """Return the magnitudes with that of frequency zero set to zero."""
    return np.where(spectrum.frequencies > 0, magnitudes, 0.0)


def _take(array: Array, rows: Rows) -> Array:
    """Return the rows of an array that has one row for each item, or one for all."""
    return array if len(array) == 1 else array[rows]
