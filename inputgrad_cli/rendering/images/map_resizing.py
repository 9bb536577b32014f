"""Brings maps (H, W), and lines around what a target is about, to the size of their pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.numeric.blur import blur
from inputgrad_cli.numeric.resize import find_cells, repeat_cells, resize_maps
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.images.target_outline import NO_LINE, paint_lines, trace_lines

# The standard deviation of --smooth is the shorter side divided by this: 4.5 pixels of 224.
SMOOTH_PARTS = 50


def smooth_maps(maps: Floats) -> Floats:
    """Return maps (N, h, w) blurred; values that are not finite stay so and spread nowhere."""
    sigma = min(maps.shape[1:]) / SMOOTH_PARTS
    lost = np.isnan(maps)
    smoothed = blur(np.where(lost, 0.0, maps), sigma, (1, 2))
    if lost.any():
        weight = blur(~lost, sigma, (1, 2))
        smoothed = np.divide(smoothed, weight, out=smoothed, where=weight > 0)
        smoothed[lost] = np.nan
    return np.asarray(smoothed, np.float64)


def fit_maps(
    maps: Floats, source: MapSource, size: tuple[int, int], factor: int, is_coarse: bool
) -> tuple[Floats, Array | None]:
    """Return maps (N, h, w) in the size of the picture times `factor`, and what lies outside them.

    NaN stands outside, and, in maps that are interpolated, next to values that are not finite.
    """
    height, width = (side * factor for side in size)
    spans = _find_spans(source, size, factor)
    if is_coarse:
        lost = np.isnan(maps)
        fitted = resize_maps(np.where(lost, 0.0, maps), (height, width), spans)
        if lost.any():
            fitted[resize_maps(lost, (height, width), spans) > 0] = np.nan
    else:
        fitted = repeat_cells(maps, (height, width), spans)
    if source.box is None:
        return fitted, None
    outside = _find_outside((height, width), spans)
    fitted[:, outside] = np.nan
    return fitted, outside if outside.any() else None


def _find_spans(
    source: MapSource, size: tuple[int, int], factor: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where a map begins and ends in a picture of `size` times `factor`, down and across."""
    left, top, right, bottom = source.box or (0, 0, *size[::-1])
    return (top * factor, bottom * factor), (left * factor, right * factor)


def _find_outside(size: tuple[int, int], spans: Sequence[tuple[float, float]]) -> Array:
    """Return what of a picture lies outside of a map, (H, W)."""
    rows, columns = (
        find_cells(1, length, span) != 0 for length, span in zip(size, spans, strict=True)
    )
    return np.asarray(rows[:, np.newaxis] | columns)


def fit_lines(source: MapSource, size: tuple[int, int], factor: int) -> Pixels | None:
    """Return the lines around what the target is about, as large as the picture, if any."""
    if source.region is None:
        return None
    drawn = size[0] * factor, size[1] * factor
    spans = _find_spans(source, size, factor)
    lines = np.array(repeat_cells(trace_lines(source.region), drawn, spans), np.uint8)
    lines[_find_outside(drawn, spans)] = NO_LINE
    return lines


def add_lines(
    mixed: Pixels, lines: Sequence[Pixels | None], maps: Floats, *, shared: bool
) -> Pixels:
    """Return pictures (N, H, W, 3) with their lines, which hide no value that is not a number.

    If the pictures are `shared` with the coloured maps, those stay as they are.
    """
    if all(each is None for each in lines):
        return mixed
    mixed = mixed.copy() if shared else mixed
    for pixels, each, values in zip(mixed, lines, maps, strict=True):
        if each is not None:
            each[np.isnan(values)] = NO_LINE
            paint_lines(pixels, each)
    return mixed
