"""Draws figures with matplotlib, one at a time because it is not thread-safe."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap
from threading import Lock
from typing import Any

import numpy as np

from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.rendering.colour_maps import Pixels

DOTS_PER_INCH = 110
_LOCK = Lock()


def draw_figure(width: float, height: float, fill: Callable[[Any], None]) -> Pixels:
    """Return a figure of this size in inches, (H, W, 3), which `fill` has drawn into.

    It is drawn without pyplot, which keeps global state and selects a display.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _LOCK:
        figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        fill(figure)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def wrap_title(text: str, width: int, max_lines: int) -> str:
    """Return printable text in at most `max_lines` lines of `width` characters."""
    lines = [to_printable(line[: width * max_lines]) for line in text.splitlines()[:max_lines]]
    return "\n".join([part for line in lines for part in wrap(line, width)][:max_lines])
