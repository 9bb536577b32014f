"""What pictures before and after a search share: the plot of the trace, and the file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inputgrad_cli.data.optimization_arrays import L2_DISTANCE, RESTART, SCORE, STEP
from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.map_source import MapSource, SearchView
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import Picture
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY
from inputgrad_cli.rendering.matplotlib_to_pixels import wrap_title

TITLE_WIDTH = 30  # characters of a title that fit above one of the figures
MAX_LINES = 3
SCORE_COLOUR, DISTANCE_COLOUR = "black", "0.5"  # not those of the channels of a signal


@dataclass(frozen=True)
class SearchPicture(Picture):
    """The base of pictures of searches; `compose` makes their pixels."""

    def compose(self, source: MapSource, search: SearchView) -> tuple[Pixels, Mapping[str, Any]]:
        """Return the pixels of one picture, (H, W, 3), and what else its file says."""
        raise TypeError(f"{type(self).__name__} does not define compose()")

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawings, each with its caption in the text chunk of the file."""
        drawings = []
        for source in sources:
            assert source.search is not None
            pixels, words = self.compose(source, source.search)
            text = {**vars(source.caption), "kind": self.name, **words}
            png = encode_png(pixels, TEXT_KEY, json.dumps(text, sort_keys=True))
            limit = float(np.abs(source.values).max(initial=0.0))
            drawings.append(Drawing(png, Scale(limit, signed=True), flat=not limit))
        return drawings


def draw_caption(figure: Any, source: MapSource, columns: int) -> None:
    """Write the title of the map above `columns` figures."""
    title = wrap_title(source.caption.format_title(), TITLE_WIDTH * columns, MAX_LINES)
    figure.suptitle(title, fontsize=10, parse_math=False)


def draw_title(axis: Any, text: str) -> None:
    """Write a title above one of the figures."""
    axis.set_title(wrap_title(text, TITLE_WIDTH, MAX_LINES), fontsize=9, parse_math=False)


def draw_trace(axis: Any, search: SearchView) -> None:
    """Draw the score and the distance of every evaluated point; a line marks a new restart."""
    from matplotlib.ticker import MaxNLocator

    trace = search.trace[np.isfinite(search.trace[:, STEP])]
    positions = np.arange(len(trace))
    mark = "." if len(trace) < 12 else ""  # a line through one point is invisible
    axis.plot(positions, trace[:, SCORE], marker=mark, color=SCORE_COLOUR, linewidth=1)
    axis.tick_params(labelsize=8)
    axis.set_ylabel(search.score, fontsize=8, color=SCORE_COLOUR)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    other = axis.twinx()
    other.plot(positions, trace[:, L2_DISTANCE], marker=mark, color=DISTANCE_COLOUR, linewidth=1)
    other.tick_params(labelsize=8, labelcolor=DISTANCE_COLOUR)
    other.set_ylabel(f"distance (L2, {search.unit})", fontsize=8, color=DISTANCE_COLOUR)
    restarts = np.flatnonzero(np.diff(trace[:, RESTART])) + 0.5
    for position in restarts:
        axis.axvline(position, color="0.7", linewidth=0.8, linestyle=":")
    words = "; dotted: a new restart" if len(restarts) else ""
    axis.set_xlabel(f"evaluations{words}", fontsize=8)
