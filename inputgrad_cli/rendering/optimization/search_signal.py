"""Draws a signal before and after a search in one plot, with the change below it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inputgrad_cli.data.pictures.input_modality import ROW
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource, SearchView
from inputgrad_cli.interfaces.picture import MAX_SAMPLES, search_pictures
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.matplotlib_to_pixels import draw_figure
from inputgrad_cli.rendering.optimization.before_after_picture_base import (
    SearchPicture,
    draw_caption,
    draw_trace,
)

MIN_STEPS = 16  # a shorter series shows no course in time
MAX_CHANNELS = 8  # more lines in one plot cannot be told apart


@search_pictures.register
@dataclass(frozen=True)
class SearchSignal(SearchPicture):
    """A figure of a signal before and after a search, the change below, and the trace."""

    name = "search-signal"
    help = "before and after, change, trace"
    subjects = "signals"
    max_samples = MAX_SAMPLES

    def supports(self, layout: MapLayout) -> bool:
        """Return whether the change is that of a signal, (T,) or (T, C)."""
        shape = layout.shape
        is_signal = layout.is_search and layout.subject != ROW
        return is_signal and len(shape) in (1, 2) and shape[0] >= MIN_STEPS and all(shape)

    def compose(self, source: MapSource, search: SearchView) -> tuple[Pixels, Mapping[str, Any]]:
        """Return the figure; of many channels those that change most are drawn."""
        before, after = _as_columns(search.before), _as_columns(search.after)
        change = after.astype(np.float64) - before
        channels = np.argsort(-np.abs(change).max(axis=0), kind="stable")[:MAX_CHANNELS]
        channels = np.sort(channels)

        def fill(figure: Any) -> None:
            (top, trace), (bottom, rest) = figure.subplots(
                2, 2, width_ratios=(3, 1.2), height_ratios=(2, 1)
            )
            rest.set_axis_off()
            draw_trace(trace, search)
            draw_lines(top, bottom, (before, after, change), channels)
            handles = build_handles(channels, before.shape[1])
            rest.legend(handles=handles, fontsize=8, loc="upper left")  # hides no line there
            top.set_title(" -> ".join(search.titles), fontsize=9, parse_math=False)
            bottom.set_title("change", fontsize=9)
            draw_caption(figure, source, 3)

        return draw_figure(10.4, 5.0, fill), {"channels": channels.tolist()}


def _as_columns(values: Array) -> Array:
    return values[:, np.newaxis] if values.ndim == 1 else values


def draw_lines(top: Any, bottom: Any, series: tuple[Array, ...], channels: Array) -> None:
    """Draw the channels before (dashed) and after in one plot, and the changes in another."""
    before, after, change = series
    for position, channel in enumerate(channels):
        colour = f"C{position}"
        top.plot(before[:, channel], color=colour, linestyle="--", linewidth=1)
        top.plot(after[:, channel], color=colour, linewidth=1.2)
        if change[:, channel].any():
            bottom.plot(change[:, channel], color=colour, linewidth=1)
    bottom.axhline(0.0, color="0.7", linewidth=0.8)
    bottom.set_xlabel("step", fontsize=8)
    for axis in (top, bottom):
        axis.tick_params(labelsize=8)


def build_handles(channels: Array, count: int) -> list[Any]:
    """Return the lines of the legend: dashes for all channels before, and each channel after."""
    from matplotlib.lines import Line2D

    # In grey, because the colours are those of the channels.
    handles = [Line2D([], [], color="0.4", linestyle="--", linewidth=1, label="before (dashed)")]
    for position, channel in enumerate(channels):
        label = "after" if count == 1 else f"after, channel {channel}"
        handles.append(Line2D([], [], color=f"C{position}", linewidth=1.2, label=label))
    return handles
