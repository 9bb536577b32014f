"""The step rule Adam."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.interfaces.goal import Rows
from inputgrad_cli.numeric.array_helpers import Array

MEAN_DECAY, SQUARE_DECAY = 0.9, 0.999  # of the running means; the paper's
FLOOR = 1e-12  # of the root of the squares, as a share of the item's largest


class Adam:
    """Steps along the mean gradient of each parameter, divided by the root of its mean square.

    Each item has its own means. The floor of the divisor is a share of the item's largest: so a
    score times a constant takes the same steps, and what only rounding moves stays.
    Kingma and Ba 2015, arXiv:1412.6980.
    """

    def __init__(self, items: int, parameters: int, step: float) -> None:
        self._step = step
        self._means = np.zeros((items, parameters))
        self._squares = np.zeros((items, parameters))
        self._counts = np.zeros((items, 1))

    def compute_steps(self, gradients: Array, rows: Rows) -> Array:
        """Return the next steps uphill (N, parameters) of the items."""
        self._counts[rows] += 1
        self._means[rows] += (1 - MEAN_DECAY) * (gradients - self._means[rows])
        self._squares[rows] += (1 - SQUARE_DECAY) * (np.square(gradients) - self._squares[rows])
        means = self._means[rows] / (1 - MEAN_DECAY ** self._counts[rows])
        roots = np.sqrt(self._squares[rows] / (1 - SQUARE_DECAY ** self._counts[rows]))
        floors = FLOOR * roots.max(axis=1, keepdims=True)
        smallest = np.finfo(float).tiny  # where all gradients are zero
        return np.asarray(self._step * means / (roots + floors + smallest))
