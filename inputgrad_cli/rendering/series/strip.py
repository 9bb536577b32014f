"""Draws the maps of inputs of any other shape as one strip of colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.numeric.array_helpers import Array, format_shape
from inputgrad_cli.rendering.colour_scale import reduce_channels
from inputgrad_cli.rendering.series.signal import Signal

MAX_INDICES = 2  # in the line above the strip


@pictures.register
@dataclass(frozen=True)
class Strip(Signal):
    """All values of an array, one after the other, like a signal of one channel."""

    name = "strip"
    help = "all values in a row"
    subjects = "arrays of any shape"
    unit = "value"

    def supports(self, layout: MapLayout) -> bool:
        """Return whether a map that has values is to be drawn as a strip."""
        return layout.subject == "strip" and all(layout.shape)

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawings, each with its caption and scale in the text chunk of the file."""
        return super().draw([_flatten(source, style.reduce) for source in sources], style)

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale of the strip, whatever the style's own limit."""
        return super().find_scale(_flatten(source, style.reduce), style)


def _flatten(source: MapSource, reduce: str | None) -> MapSource:
    """Return the source as a signal (T,) that is named by its shape.

    Channels that share a value are reduced to it, so that it is shown once.
    """
    values, view, caption = source.values, source.view, source.caption
    seen = None if view.values is None or view.values.shape != values.shape else view.values
    if values.ndim and (caption.copied or reduce):
        values, seen = reduce_channels(values, reduce or "sum", caption.copied), None
    words = f"shape {format_shape(source.values.shape)}, values in the order of the array"
    words += format_strongest(values)
    view = replace(view, values=None if seen is None else seen.reshape(-1), names=(words,))
    caption = replace(caption, copied=False)
    return replace(source, values=values.reshape(-1), view=view, caption=caption)


def format_strongest(values: Array) -> str:
    """Return the indices in the array of the values farthest from zero; "" for a vector."""
    if values.ndim < 2:
        return ""
    sizes = np.nan_to_num(np.abs(values.ravel()), nan=np.inf)
    order = np.argsort(-sizes, kind="stable")[:MAX_INDICES]
    order = order[sizes[order] > 0]
    indices = np.transpose(np.unravel_index(order, values.shape)).tolist()
    places = [f"{n} = {at}" for at, n in zip(indices, order.tolist(), strict=True)]
    return f"; strongest: {', '.join(places)}" if places else ""
