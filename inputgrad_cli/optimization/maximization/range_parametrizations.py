"""Maps parameters without a unit to the range of an input, by clipping or a sigmoid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inputgrad_cli.interfaces.goal import Rows
from inputgrad_cli.numeric.array_helpers import Array

SLOPE = 0.25  # of a sigmoid at zero; small values change a clipped input as much
MARGIN = 0.02  # share of the range between a bound and the start of a sigmoid, which is flat there


@dataclass(frozen=True)
class Clip:
    """The start plus the values times `units`, clipped to the bounds.

    Arrays are (B, ..., C). A gradient that leads out of the bounds is dropped; one that leads back
    passes, so that a value beyond a bound can return.
    """

    start: Array
    low: Array
    high: Array
    units: Array

    def decode(self, parameters: Array, rows: Rows) -> Array:
        """Return the values of the input."""
        return np.clip(self._add(parameters, rows), self.low[rows], self.high[rows])

    def pull_back(self, parameters: Array, gradients: Array, rows: Rows) -> Array:
        """Return the gradients of the values without a unit."""
        low, high = self.low[rows], self.high[rows]
        values = self._add(parameters, rows)
        leads_out = ((values >= high) & (gradients > 0)) | ((values <= low) & (gradients < 0))
        return np.where(leads_out | (low == high), 0.0, gradients * self.units[rows])

    def _add(self, parameters: Array, rows: Rows) -> Array:
        return np.asarray(self.start[rows] + self.units[rows] * parameters)


@dataclass(frozen=True)
class Sigmoid:
    """The sigmoid of the values, stretched from bound to bound; at zero it gives the start.

    Arrays are (B, ..., C). A start near a bound is moved away from it. The bounds are finite.
    """

    start: Array
    low: Array
    high: Array

    def decode(self, parameters: Array, rows: Rows) -> Array:
        """Return the values of the input."""
        low = self.low[rows].astype(np.float64)
        return np.asarray(low + (self.high[rows] - low) * self._compute_shares(parameters, rows))

    def pull_back(self, parameters: Array, gradients: Array, rows: Rows) -> Array:
        """Return the gradients of the values without a unit."""
        shares = self._compute_shares(parameters, rows)
        spans = self.high[rows].astype(np.float64) - self.low[rows]
        return np.asarray(gradients * spans * shares * (1.0 - shares))

    def _compute_shares(self, parameters: Array, rows: Rows) -> Array:
        return compute_sigmoid(parameters + self._offsets[rows])

    @cached_property
    def _offsets(self) -> Array:
        """Return what the sigmoid maps to the start, (B, ..., C)."""
        low = self.low.astype(np.float64)
        spans = self.high - low
        shares = (self.start - low) / np.where(spans > 0, spans, 1.0)
        shares = np.clip(shares, MARGIN, 1.0 - MARGIN)
        return np.asarray(np.log(shares / (1.0 - shares)))


def compute_units(low: Array, high: Array, share: float) -> Array:
    """Return this share of the range between the bounds; 1 where there is no range."""
    spans = high.astype(np.float64) - low
    return np.where(np.isfinite(spans), share * spans, 1.0)


def compute_sigmoid(values: Array) -> Array:
    """Return the sigmoid; as a tangent it never overflows."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * values))
