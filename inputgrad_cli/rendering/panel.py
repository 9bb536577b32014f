"""Draws panels of input, heatmap, overlay and colour bar with matplotlib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from inputgrad_cli.data.picture_style import Style
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.rendering.colour_maps import Pixels, load_colour_table
from inputgrad_cli.rendering.figure import draw_figure, wrap_title
from inputgrad_cli.rendering.image_map import ImageLayers, ImageMap

TITLE_WIDTH = 44  # characters of a title that fit above one picture
BAR_WIDTH = 48  # characters of a label that fit along the colour bar
MAX_LINES = 6  # more lines would leave no space for the pictures


@pictures.register
@dataclass(frozen=True)
class Panel(ImageMap):
    """A figure of the input, the heatmap and the overlay, with a title and a colour bar."""

    name = "panel"
    help = "both and the input"
    enlarged = False

    def compose(self, layers: ImageLayers, style: Style) -> Pixels:
        """Return the figure; without a background it has only the heatmap."""
        return draw_panel(layers)


def draw_panel(layers: ImageLayers) -> Pixels:
    """Return the figure, (H, W, 3)."""
    images = [("heatmap", layers.heat)]
    if layers.backdrop is not None:
        images.insert(0, (layers.caption.format_input_title(), layers.backdrop))
        images.append(("overlay", layers.mixed))

    def fill(figure: Any) -> None:
        axes = np.atleast_1d(np.asarray(figure.subplots(1, len(images))))
        for axis, (name, pixels) in zip(axes, images, strict=True):
            axis.imshow(pixels, interpolation="nearest")
            axis.set_title(wrap_title(name, TITLE_WIDTH, 1), fontsize=10, parse_math=False)
            axis.set_axis_off()
        _draw_bar(figure, list(axes), layers)
        title = wrap_title(layers.caption.format_title(), TITLE_WIDTH * len(images), MAX_LINES)
        figure.suptitle(title, fontsize=11, parse_math=False)

    return draw_figure(3.4 * len(images) + 1.0, 3.9, fill)


def _draw_bar(figure: Any, axes: list[Any], layers: ImageLayers) -> None:
    """Add the colour bar, with ticks at both ends because values beyond them are clipped."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    scale = layers.scale
    limit = scale.limit or 1.0  # a flat map holds only zero, which is its only tick
    colours = ListedColormap(load_colour_table(layers.cmap) / 255.0)
    norm = Normalize(-limit if scale.signed else 0.0, limit)
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, shrink=0.8, pad=0.02)
    ticks = scale.list_ticks()
    bar.set_ticks(ticks, labels=[f"{tick:.4g}" for tick in ticks])
    bar.set_label(wrap_title(layers.bar, BAR_WIDTH, MAX_LINES), fontsize=9, parse_math=False)
    bar.ax.tick_params(labelsize=8)
