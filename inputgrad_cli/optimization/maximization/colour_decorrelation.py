"""Colours as they vary together: brightness varies most, and most channels vary with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.interfaces.goal import Rows
from inputgrad_cli.numeric.array_helpers import Array

# Square root of the covariance of the colours of ImageNet, one component a row: brightness, red
# against blue, green against both. From lucid, lucid/optvis/param/color.py.
IMAGENET_COMPONENTS = ((0.26, 0.27, 0.27), (0.09, 0.0, -0.09), (0.02, -0.05, 0.03))


@dataclass(frozen=True)
class Colours:
    """Values in uncorrelated components (N, ..., C) become channels by a matrix (C, C).

    Each row of the matrix is a component; the largest has length 1.
    """

    matrix: Array

    def decode(self, parameters: Array, rows: Rows) -> Array:
        """Return the channels of components."""
        return parameters @ self.matrix

    def pull_back(self, parameters: Array, gradients: Array, rows: Rows) -> Array:
        """Return the gradients of the components."""
        return gradients @ self.matrix.T

    def separate(self, values: Array) -> Array:
        """Return the components of channels; the inverse of `decode`."""
        return values @ np.linalg.pinv(self.matrix)


def build_imagenet_colours() -> Colours:
    """Return the components of the colours of ImageNet."""
    return Colours(_normalize(np.array(IMAGENET_COMPONENTS)))


def compute_colours(values: Array) -> Colours:
    """Return the components of the channels of samples (K, ..., C)."""
    channels = values.reshape(-1, values.shape[-1]).astype(np.float64)
    covariance = np.cov(channels, rowvar=False).reshape(values.shape[-1], -1)
    variances, directions = np.linalg.eigh(covariance)
    components = np.sqrt(np.maximum(variances, 0.0))[:, np.newaxis] * directions.T
    return Colours(_normalize(components[::-1]))


def _normalize(components: Array) -> Array:
    length = np.linalg.norm(components, axis=1).max()
    return np.asarray(components / (length if length > 0 else 1.0))
