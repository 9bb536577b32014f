"""The panel: input, heatmap, overlay and a colour bar in units, drawn with matplotlib."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from threading import Lock
from typing import Any

import numpy as np

from inputgrad_cli.choices import printable
from inputgrad_cli.rendering.colour_maps import Pixels, table
from inputgrad_cli.rendering.scale import Scale

LINE = 44  # letters of a title that fit above one picture
BAR = 48  # letters of a label that fit beside the colour bar
MAX_LINES = 6  # of a title: below that there must be room for pictures
_ONE_AT_A_TIME = Lock()  # matplotlib is not made for threads


@dataclass(frozen=True)
class Words:
    """What stands above a figure, its input and its colour bar, and the colour map's name."""

    title: str
    seen: str
    bar: str
    cmap: str


def panel(
    seen: Pixels | None, heat: Pixels, overlay: Pixels, *, scale: Scale, words: Words
) -> Pixels:
    """Return the figure, (H, W, 3). No pyplot: it would keep state and pick a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [("heatmap", heat)]
    if seen is not None:
        shown = [(words.seen, seen), ("heatmap", heat), ("overlay", overlay)]
    with _ONE_AT_A_TIME:
        figure = Figure(figsize=(3.4 * len(shown) + 1.0, 3.9), dpi=110, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        axes = np.atleast_1d(np.asarray(figure.subplots(1, len(shown))))
        for axis, (name, pixels) in zip(axes, shown, strict=True):
            axis.imshow(pixels, interpolation="nearest")
            axis.set_title(_wrapped(name, LINE, 1), fontsize=10, parse_math=False)
            axis.set_axis_off()
        _draw_bar(figure, list(axes), scale, words)
        title = _wrapped(words.title, LINE * len(shown), MAX_LINES)
        figure.suptitle(title, fontsize=11, parse_math=False)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _draw_bar(figure: Any, axes: list[Any], scale: Scale, words: Words) -> None:
    """Add the colour bar; its ends are named, since that is where the colours end."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    limit = scale.limit or 1.0  # a flat map has no other value than zero, and no other is named
    colours = ListedColormap(table(words.cmap) / 255.0)
    norm = Normalize(-limit if scale.signed else 0.0, limit)
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, shrink=0.8, pad=0.02)
    ticks = scale.ticks()
    bar.set_ticks(ticks, labels=[f"{tick:.4g}" for tick in ticks])
    bar.set_label(_wrapped(words.bar, BAR, MAX_LINES), fontsize=9, parse_math=False)
    bar.ax.tick_params(labelsize=8)


def _wrapped(text: str, width: int, most: int) -> str:
    """Return text in at most so many lines of so many letters, all of which can be drawn."""
    lines = [printable(line[: width * most]) for line in text.splitlines()[:most]]
    return "\n".join([part for line in lines for part in wrap(line, width)][:most])
