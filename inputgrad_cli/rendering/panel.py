"""Draws panels of input, heatmap, overlay and colour bar with matplotlib."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from threading import Lock
from typing import Any

import numpy as np

from inputgrad_cli.choices import to_printable
from inputgrad_cli.data.picture_style import Scale
from inputgrad_cli.rendering.colour_maps import Pixels, load_colour_table

TITLE_WIDTH = 44  # characters of a title that fit above one picture
BAR_WIDTH = 48  # characters of a label that fit along the colour bar
MAX_LINES = 6  # more lines would leave no space for the pictures
_LOCK = Lock()  # matplotlib is not thread-safe


@dataclass(frozen=True)
class PanelText:
    """The title of a figure, the labels of its input and colour bar, and its colour map."""

    title: str
    input_title: str
    bar: str
    cmap: str


def draw_panel(
    background: Pixels | None, heat: Pixels, overlay: Pixels, *, scale: Scale, panel_text: PanelText
) -> Pixels:
    """Return the figure, (H, W, 3).

    It is drawn without pyplot, which keeps global state and selects a display.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    layers = [("heatmap", heat)]
    if background is not None:
        layers = [(panel_text.input_title, background), ("heatmap", heat), ("overlay", overlay)]
    with _LOCK:
        figure = Figure(figsize=(3.4 * len(layers) + 1.0, 3.9), dpi=110, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        axes = np.atleast_1d(np.asarray(figure.subplots(1, len(layers))))
        for axis, (name, pixels) in zip(axes, layers, strict=True):
            axis.imshow(pixels, interpolation="nearest")
            axis.set_title(_wrap_text(name, TITLE_WIDTH, 1), fontsize=10, parse_math=False)
            axis.set_axis_off()
        _draw_bar(figure, list(axes), scale, panel_text)
        title = _wrap_text(panel_text.title, TITLE_WIDTH * len(layers), MAX_LINES)
        figure.suptitle(title, fontsize=11, parse_math=False)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _draw_bar(figure: Any, axes: list[Any], scale: Scale, panel_text: PanelText) -> None:
    """Add the colour bar, with ticks at both ends because values beyond them are clipped."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    limit = scale.limit or 1.0  # a flat map holds only zero, which is its only tick
    colours = ListedColormap(load_colour_table(panel_text.cmap) / 255.0)
    norm = Normalize(-limit if scale.signed else 0.0, limit)
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, shrink=0.8, pad=0.02)
    ticks = scale.list_ticks()
    bar.set_ticks(ticks, labels=[f"{tick:.4g}" for tick in ticks])
    bar.set_label(_wrap_text(panel_text.bar, BAR_WIDTH, MAX_LINES), fontsize=9, parse_math=False)
    bar.ax.tick_params(labelsize=8)


def _wrap_text(text: str, width: int, max_lines: int) -> str:
    """Return printable text in at most `max_lines` lines of `width` characters."""
    lines = [to_printable(line[: width * max_lines]) for line in text.splitlines()[:max_lines]]
    return "\n".join([part for line in lines for part in wrap(line, width)][:max_lines])
