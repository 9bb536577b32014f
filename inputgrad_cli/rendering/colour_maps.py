"""Loads colour maps as tables of 256 colours, and applies them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.array_helpers import Array

Pixels = NDArray[np.uint8]
NAN_COLOUR = (0, 255, 0)  # green, which neither default map contains


@cache
def load_colour_table(name: str) -> Pixels:
    """Return the colours of a matplotlib colour map, (256, 3) uint8. Raises UsageError."""
    from matplotlib import colormaps

    if name not in colormaps:
        raise UsageError(
            f"--cmap {name}: matplotlib has no such colour map", hint="viridis is one, for example"
        )
    colours = colormaps[name].resampled(256)(np.arange(256))
    return np.asarray(np.rint(colours[:, :3] * 255), np.uint8)


def to_colours(positions: Array, name: str) -> Pixels:
    """Return the colours (..., H, W, 3) of positions in 0..1; NaN becomes `NAN_COLOUR`."""
    is_nan = np.isnan(positions)
    index = np.rint(np.where(is_nan, 0.0, positions) * 255).astype(np.uint8)
    colours: Pixels = np.take(load_colour_table(name), index, axis=0)
    colours[is_nan] = NAN_COLOUR
    return colours


def as_pixels(array: Array) -> Pixels:
    """Return a model input (H, W, C) as a picture, its value range scaled to 0..255."""
    low, high = float(np.min(array)), float(np.max(array))
    span = (high - low) or 1.0
    return np.asarray(np.rint((array - low) / span * 255.0), np.uint8)
