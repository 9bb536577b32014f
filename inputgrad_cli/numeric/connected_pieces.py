"""Connected pieces of masks: which share of a mask its largest piece has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.array_helpers import Array

Mask = NDArray[np.bool_]


def measure_largest_piece(values: Array, threshold: float) -> float:
    """Return the share of the largest piece in the sum of all values (H, W) above a threshold.

    Values are in one piece if they touch at a side. Without any value above it the share is 0.
    """
    remaining, sizes = values > threshold, []
    while remaining.any():
        piece = find_piece(remaining, int(np.argmax(np.where(remaining, values, -np.inf))))
        sizes.append(float(values[piece].sum()))
        remaining = remaining & ~piece
    return max(sizes) / sum(sizes) if sizes else 0.0


def find_piece(mask: Mask, start: int) -> Mask:
    """Return the piece of a mask (H, W) that holds the flat index `start`."""
    piece = np.zeros_like(mask)
    piece.flat[start] = True
    size = 0
    while (count := int(piece.sum())) > size:
        size = count
        grown = piece.copy()
        grown[1:] |= piece[:-1]
        grown[:-1] |= piece[1:]
        grown[:, 1:] |= piece[:, :-1]
        grown[:, :-1] |= piece[:, 1:]
        piece = grown & mask
    return piece
