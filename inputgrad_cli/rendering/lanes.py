"""Splits the map of a signal into lanes: a curve of the input and a strip of colours for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.caption import Caption
from inputgrad_cli.data.sample_view import SampleView
from inputgrad_cli.interfaces.picture import MapSource
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.numeric.pooling import pool_largest
from inputgrad_cli.rendering.labels import shorten_name
from inputgrad_cli.rendering.scale import reduce_channels

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

    Where a reduction is asked for, or one value stands for all channels, one strip serves all.
    """
    values = source.values.reshape(len(source.values), -1)
    series = _get_series(source.view, values.shape)
    caption, length, channels = source.caption, *values.shape
    names = _name_channels(source.view, channels)
    shared = reduce or (SIGNED if caption.copied and channels > 1 else None)
    ranks = series if shared and series is not None else values
    kept = _rank_channels(ranks) if not shared or series is not None else []
    curves = {index: None if series is None else series[:, index] for index in kept}
    hidden = channels - len(kept) if curves else 0
    if shared is None:
        lanes = [
            Lane(names[i], curves[i], pool_largest(values[:, i : i + 1], width)[:, 0]) for i in kept
        ]
        return Lanes(lanes, length, caption.quantity, hidden=hidden)
    strip = reduce_channels(values, shared, caption.copied)
    lanes = [Lane(names[index], curves[index], None) for index in kept]
    lanes.append(Lane(_describe_strip(caption, shared, channels), None, pool_largest(strip, width)))
    return Lanes(lanes, length, caption.format_bar_label(shared, channels), shared, hidden)


def _get_series(view: SampleView, shape: tuple[int, ...]) -> Array | None:
    """Return the input as (T, C), None if it is unknown or of another shape than its map."""
    values = view.values
    if values is None or values.dtype.kind not in "biuf" or len(values) != shape[0]:
        return None
    series = values.reshape(len(values), -1)
    return series if series.shape == shape else None


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
    if channels == 1:
        return ""
    return "all channels together" if caption.copied else f"{reduction} over {channels} channels"
