"""Splits the map of a signal into lanes: a curve of the input and a strip of colours for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.sample_view import SampleView
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.pooling_to_pixels import pool_largest
from inputgrad_cli.rendering.colour_scale import reduce_channels
from inputgrad_cli.rendering.label_formatting import shorten_name

MAX_LABEL = 100  # characters above a curve
MAX_LANES = 8  # more curves cannot be told apart
SIGNED = "sum"  # the reduction that keeps signs, of a single channel its values


@dataclass(frozen=True)
class Lane:
    """One part of the picture of a signal: its name, the curve (T,), the values of its strip.

    The strip is pooled to the width of the picture. Each of them may be missing.
    """

    label: str
    curve: Array | None
    strip: Array | None


@dataclass(frozen=True)
class Lanes:
    """The lanes of a signal of `length` steps.

    `units` says what the strips show, `reduction` how channels became one value, and `hidden`
    counts the channels that are not shown.
    """

    lanes: Sequence[Lane]
    length: int
    units: str
    reduction: str = SIGNED
    hidden: int = 0

    @property
    def strips(self) -> list[Array]:
        """Return the values of all strips."""
        return [lane.strip for lane in self.lanes if lane.strip is not None]


def build_lanes(source: MapSource, reduce: str | None, width: int) -> Lanes:
    """Return the lanes of a map (T, ...), with a strip of its own for each channel.

    Where a reduction is asked for, or one value stands for all channels, one strip serves all. So
    does that of a layer without channels, whose steps may be coarser than those of the input.
    """
    values = source.values.reshape(len(source.values), -1)
    series = _get_series(source.view)
    caption, channels = source.caption, values.shape[1]
    is_shared = bool(reduce) or (caption.copied and channels > 1)
    if series is not None and series.shape == values.shape and not is_shared:
        curves = _list_curves(series, source.view, ranks=values)
    elif is_shared or channels == 1:
        return _share_strip(source, values, series, reduction=reduce or SIGNED, width=width)
    else:
        kept = _rank_channels(values)
        names = _name_channels(source.view, channels)
        curves = {index: Lane(names[index], None, None) for index in kept}
    pooled = pool_largest(values[:, list(curves)], width)
    lanes = [replace(lane, strip=pooled[:, column]) for column, lane in enumerate(curves.values())]
    return Lanes(lanes, len(values), caption.quantity, hidden=channels - len(lanes))


def _share_strip(
    source: MapSource, values: Array, series: Array | None, *, reduction: str, width: int
) -> Lanes:
    """Return the curves of the input without strips, and one strip of the reduced map."""
    caption, channels = source.caption, values.shape[1]
    curves = {} if series is None else _list_curves(series, source.view, ranks=series)
    strip = pool_largest(reduce_channels(values, reduction, caption.copied), width)
    units = caption.format_bar_label(reduction, channels)
    lanes = [*curves.values(), Lane(_describe_strip(caption, reduction, channels), None, strip)]
    if len(lanes) == 2:  # the only curve has the strip below it
        lanes = [replace(lanes[0], strip=strip)]
    length = len(values) if series is None else len(series)
    hidden = 0 if series is None else series.shape[1] - len(curves)
    return Lanes(lanes, length, units, reduction, hidden)


def _get_series(view: SampleView) -> Array | None:
    """Return the input as (T, C), None if it is unknown or no series of numbers."""
    values = view.values
    if values is None or values.dtype.kind not in "biuf" or not values.size or not values.ndim:
        return None
    return values.reshape(len(values), -1)


def _list_curves(series: Array, view: SampleView, *, ranks: Array) -> dict[int, Lane]:
    """Return lanes with a curve but no strip, by channel: those whose `ranks` are largest."""
    names = _name_channels(view, series.shape[1])
    return {index: Lane(names[index], series[:, index], None) for index in _rank_channels(ranks)}


def _name_channels(view: SampleView, channels: int) -> list[str]:
    """Return the names of the channels: of columns if a table has them; a single one needs none."""
    if len(view.names) == channels:
        return [shorten_name(name, MAX_LABEL) for name in view.names]
    return [f"channel {index}" for index in range(channels)] if channels > 1 else [""]


def _rank_channels(values: Array) -> list[int]:
    """Return the channels of largest sum of magnitudes in their order; lost values come first."""
    totals = np.abs(values.astype(np.float64)).sum(axis=0)
    totals = np.where(np.isfinite(totals), totals, np.inf)
    return sorted(np.argsort(-totals, kind="stable")[:MAX_LANES].tolist())


def _describe_strip(caption: Caption, reduction: str, channels: int) -> str:
    if caption.copied:
        return "all channels together"
    return f"{reduction} over {channels} channels" if channels > 1 else caption.site
