"""Colour maps as tables of 256 entries."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.arrays import Array

Pixels = NDArray[np.uint8]
SEQUENTIAL = "inferno"
DIVERGING = "RdBu_r"
NAN_COLOUR = (0, 255, 0)  # in neither default map


@cache
def table(name: str) -> Pixels:
    """Return the colours of a map of matplotlib's, (256, 3) uint8."""
    from matplotlib import colormaps

    if name not in colormaps:
        raise UsageError(
            f"--cmap {name}: matplotlib has no such colour map", mend="viridis is one, for example"
        )
    colours = colormaps[name].resampled(256)(np.arange(256))
    return np.asarray(np.rint(colours[:, :3] * 255), np.uint8)


def colour(places: Array, name: str) -> Pixels:
    """Return (..., H, W, 3) colours of places 0..1; NaN gets a colour of its own."""
    lost = np.isnan(places)
    index = np.rint(np.where(lost, 0.0, places) * 255).astype(np.uint8)
    out: Pixels = np.take(table(name), index, axis=0)
    out[lost] = NAN_COLOUR
    return out
