"""Draws where a target lies in an image: the edge of its mask, or a ring around its unit."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.data.pictures.target_region import Region
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.rendering.colour_maps import Pixels

NO_LINE, DARK, BRIGHT = 0, 1, 2
COLOURS = {DARK: 0, BRIGHT: 255}
RING_RADIUS = 4  # pixels of the input


def trace_lines(region: Region) -> Pixels:
    """Return where lines are, (H, W) of `NO_LINE`, `DARK` and `BRIGHT`.

    A bright line of one pixel lies within a dark one, so that it is seen on any picture.
    """
    if region.mask is not None:
        bright = trace_edge(region.mask)
    else:
        bright = trace_ring(region.size, region.unit or (0.0, 0.0))
    lines = np.where(bright, BRIGHT, NO_LINE).astype(np.uint8)
    lines[_add_neighbours(bright) & ~bright] = DARK
    return lines


def trace_edge(region: Array) -> Array:
    """Return the pixels of a region (H, W) that have one of four neighbours outside of it.

    The edge of the picture is not an edge of the region.
    """
    padded = np.pad(region, 1, constant_values=True)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(region & ~inner)


def trace_ring(size: tuple[int, int], center: tuple[float, float]) -> Array:
    """Return the pixels whose distance from the centre (row, column) rounds to the radius."""
    rows, columns = (np.arange(n) - middle for n, middle in zip(size, center, strict=True))
    distances = np.hypot(rows[:, np.newaxis], columns)
    return np.asarray(np.abs(distances - RING_RADIUS) < 0.5)


def paint_lines(pixels: Pixels, lines: Pixels) -> None:
    """Draw lines (H, W) into pixels (H, W, 3)."""
    for kind, level in COLOURS.items():
        pixels[lines == kind] = level


def _add_neighbours(region: Array) -> Array:
    """Return a region (H, W) with the four neighbours of its pixels."""
    padded = np.pad(region, 1)
    beside = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return np.asarray(region | beside)
