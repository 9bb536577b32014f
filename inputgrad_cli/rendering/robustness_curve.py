"""Draws the robust accuracy of attacks over their radii, with its intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY
from inputgrad_cli.rendering.matplotlib_to_pixels import draw_figure


@dataclass(frozen=True)
class RobustnessCurve:
    """The share that an attack leaves right at each radius, and the ends of its interval."""

    label: str
    radii: Sequence[float]
    shares: Sequence[float]
    intervals: Sequence[tuple[float, float]]


def draw_robustness(curves: Sequence[RobustnessCurve], titles: tuple[str, str]) -> bytes:
    """Return the PNG file of the curves; `titles` are those of the two axes."""

    def fill(figure: Any) -> None:
        axis = figure.subplots()
        for curve in curves:
            label = to_printable(curve.label)
            (line,) = axis.plot(curve.radii, curve.shares, marker="o", label=label)
            lows, highs = zip(*curve.intervals, strict=True)
            axis.fill_between(curve.radii, lows, highs, color=line.get_color(), alpha=0.15)
        axis.set_xlabel(titles[0])
        axis.set_ylabel(titles[1])
        axis.set_ylim(-0.02, 1.02)
        axis.grid(alpha=0.3)
        axis.legend()

    text = {"kind": "robustness", "methods": [curve.label for curve in curves]}
    return encode_png(draw_figure(6.0, 4.2, fill), TEXT_KEY, json.dumps(text, sort_keys=True))
