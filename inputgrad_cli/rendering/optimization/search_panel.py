"""Draws a picture before and after a search, the change enlarged, and the trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource, SearchView
from inputgrad_cli.interfaces.picture import search_pictures
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.matplotlib_to_pixels import draw_figure
from inputgrad_cli.rendering.optimization.before_after_picture_base import (
    SearchPicture,
    draw_caption,
    draw_title,
    draw_trace,
)

GREY = 128.0  # the pixel that stands for no change
MAX_LEVELS = 127.0  # of a change in both directions that a pixel can show
FACTORS = (1, 2, 5, 10, 20, 50, 100)


@search_pictures.register
@dataclass(frozen=True)
class SearchPanel(SearchPicture):
    """A figure of a picture before and after a search, the change, and the trace."""

    name = "search-panel"
    help = "before, after, change, trace"
    subjects = "picture inputs"

    def supports(self, layout: MapLayout) -> bool:
        """Return whether the change is that of a picture, (H, W, 1, 3 or 4)."""
        shape = layout.shape
        return layout.is_search and len(shape) == 3 and all(shape) and shape[-1] in (1, 3, 4)

    def compose(self, source: MapSource, search: SearchView) -> tuple[Pixels, Mapping[str, Any]]:
        """Return the figure, and the factor by which the change is enlarged."""
        before, after = scale_to_levels(search.before, search.after)
        factor = choose_factor(after - before)
        change = GREY + (after - before) * factor
        titles = (*search.titles, f"change x {factor}, grey: none")

        def fill(figure: Any) -> None:
            axes = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.2))
            for axis, title, levels in zip(axes, titles, (before, after, change), strict=False):
                axis.imshow(to_pixels(levels), interpolation="nearest")
                axis.set_axis_off()
                draw_title(axis, title)
            draw_trace(axes[3], search)
            draw_caption(figure, source, 4)

        return draw_figure(12.4, 3.7, fill), {"factor": factor}


def scale_to_levels(before: Array, after: Array) -> tuple[Array, Array]:
    """Return both as levels 0..255, by one scale: pixels as they are, other values stretched."""
    if before.dtype == np.uint8:
        return before.astype(np.float64), after.astype(np.float64)
    low = float(min(before.min(), after.min()))
    span = float(max(before.max(), after.max())) - low or 1.0
    return (before - low) / span * 255.0, (after - low) / span * 255.0


def choose_factor(change: Array) -> int:
    """Return the largest factor that keeps a change in levels within what a pixel can show."""
    largest = float(np.abs(change).max(initial=0.0))
    return max([f for f in FACTORS if f * largest <= MAX_LEVELS], default=1) if largest else 1


def to_pixels(levels: Array) -> Pixels:
    """Return levels (H, W, C) as a colour picture, (H, W, 3); alpha is left out."""
    colours = np.repeat(levels, 3, axis=-1) if levels.shape[-1] == 1 else levels[..., :3]
    return np.asarray(np.clip(np.rint(colours), 0, 255), np.uint8)
