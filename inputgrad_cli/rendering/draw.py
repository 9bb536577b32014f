"""One picture of one attribution."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.rendering.colours import Pixels, colour
from inputgrad_cli.rendering.panel import panel
from inputgrad_cli.rendering.png import png_of
from inputgrad_cli.rendering.reduce import Scale, find_limit, reduce_channels
from inputgrad_cli.rendering.style import Style
from inputgrad_cli.resample import resized

KEY = "inputgrad"
GREY = tuple(enumerate((0.299, 0.587, 0.114)))


@dataclass(frozen=True)
class About:
    """What a picture says of itself.

    `reduce` is the channel reduction that fits the method, and `level` what is drawn from: `zero`
    or the `mean` of the map.
    """

    method: str
    target: str
    space: str
    score: float | None = None
    label: str | None = None
    reduce: str = "sum"
    units: str = "score"
    level: str = "zero"

    def title(self) -> str:
        """Return the line above a panel."""
        score = "" if self.score is None else f", {self.space} {self.score:.4g}"
        return f"{self.method}: {self.label or self.target}{score}"


@dataclass(frozen=True)
class Drawing:
    """A PNG file and what a reader must be told of it."""

    png: bytes
    scale: Scale
    flat: bool


def drawable(shape: tuple[int, ...]) -> bool:
    """Return whether a map of this shape (of one sample) can be drawn: (H, W, C)."""
    return len(shape) == 3 and all(shape)


def draw(values: Array, seen: Array | None, style: Style, about: About) -> Drawing:
    """Return the picture of signed values (H, W, C) over `seen`, uint8 (H, W, 1, 3 or 4).

    Maps of another size than `seen`, those of layers, are brought to its size, bilinearly. Without
    `seen` an overlay is a heatmap. `about` goes into the text chunk, with the scale.
    """
    how = style.reduce or about.reduce
    flat = reduce_channels(values, how, about.level)
    if seen is not None and flat.shape != seen.shape[:2]:
        flat = resized(flat, seen.shape[:2])
    limit = find_limit(flat, style.clip) if style.limit is None else style.limit
    scale = Scale(limit, signed=how == "sum")
    cmap = style.colours(scale.signed)
    heat = colour(scale.place(flat), cmap)
    back = None if seen is None else _backdrop(seen)
    mixed = heat if back is None else blend(heat, back, style.alpha)
    drawn, factor = (heat if style.kind == "heatmap" else mixed), style.factor(*heat.shape[:2])
    if style.kind == "panel":
        units = f"{how} over channels, {about.units}"
        drawn, factor = panel(back, heat, mixed, scale, cmap, about.title(), units), 1
    text = {
        **vars(about),
        "kind": style.kind,
        "reduce": how,
        "cmap": cmap,
        "clip": style.clip,
        "scale": {"low": -limit if scale.signed else 0.0, "high": limit},
    }
    noisy = factor == 1 and style.kind != "panel"
    return Drawing(
        png_of(drawn, KEY, json.dumps(text, sort_keys=True), factor, noisy),
        scale,
        flat=not (np.nanmax(np.abs(flat), initial=0.0) > 0),
    )


def blend(heat: Pixels, back: Pixels, alpha: float) -> Pixels:
    """Return the heat over the picture in grey, so that colour always means attribution."""
    mixed = np.multiply(heat, np.float32(alpha), dtype=np.float32)
    red, green, blue = (back[..., channel] * np.float32(share) for channel, share in GREY)
    mixed += (np.float32(1.0 - alpha) * (red + green + blue))[..., np.newaxis]
    return np.rint(mixed, out=mixed).astype(np.uint8)


def _backdrop(seen: Array) -> Array:
    if seen.shape[-1] == 1:
        return np.repeat(seen, 3, axis=-1)
    return seen[..., :3]


def as_pixels(array: Array) -> Pixels:
    """Return an array (H, W, C) that was model input as a picture: its own range becomes 0..255."""
    low, high = float(np.min(array)), float(np.max(array))
    span = (high - low) or 1.0
    return np.asarray(np.rint((array - low) / span * 255.0), np.uint8)
