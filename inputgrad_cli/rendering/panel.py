"""The panel: input, heatmap, overlay and a colour bar in units, drawn with matplotlib."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

from inputgrad_cli.rendering.colours import Pixels, table
from inputgrad_cli.rendering.reduce import Scale

_ONE_AT_A_TIME = Lock()  # matplotlib is not made for threads


def panel(
    seen: Pixels | None,
    heat: Pixels,
    overlay: Pixels,
    scale: Scale,
    cmap: str,
    title: str,
    units: str,
) -> Pixels:
    """Return the figure, (H, W, 3). No pyplot: it would keep state and pick a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.figure import Figure

    shown = [("heatmap", heat)]
    if seen is not None:
        shown = [("input", seen), ("heatmap", heat), ("overlay", overlay)]
    with _ONE_AT_A_TIME:
        figure = Figure(figsize=(3.4 * len(shown) + 1.0, 3.9), dpi=110, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        axes = np.atleast_1d(np.asarray(figure.subplots(1, len(shown))))
        for axis, (name, pixels) in zip(axes, shown, strict=True):
            axis.imshow(pixels, interpolation="nearest")
            axis.set_title(name, fontsize=10)
            axis.set_axis_off()
        limit = scale.limit or 1.0
        colours = ListedColormap(table(cmap) / 255.0)
        norm = Normalize(-limit if scale.signed else 0.0, limit)
        bar = figure.colorbar(ScalarMappable(norm, colours), ax=list(axes), shrink=0.8, pad=0.02)
        bar.set_label(units, fontsize=9)
        bar.ax.tick_params(labelsize=8)
        figure.suptitle(title, fontsize=11)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]
