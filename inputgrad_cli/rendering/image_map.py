"""One picture of one attribution."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.numeric.resize import resized
from inputgrad_cli.rendering.caption import About
from inputgrad_cli.rendering.colour_maps import Pixels, colour
from inputgrad_cli.rendering.panel import Words, panel
from inputgrad_cli.rendering.png import png_of
from inputgrad_cli.rendering.scale import Scale, find_limits, is_signed, place, reduce_channels
from inputgrad_cli.rendering.style import Style

KEY = "inputgrad"
GREY = tuple(enumerate((0.299, 0.587, 0.114)))


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
    below = None if seen is None else seen[np.newaxis]
    return draw_all(values[np.newaxis], below, style, [about])[0]


def draw_all(
    values: Array, seen: Array | None, style: Style, abouts: Sequence[About]
) -> list[Drawing]:
    """Return what `draw` does for maps (N, H, W, C) over `seen` (N, ...), each on its own scale.

    All have the reduction and the sign of the first. Of small maps, drawn one by one, most of the
    time would go into calling NumPy, and into waiting until other threads let it.
    """
    first = abouts[0]
    if first.sign == "either" and len(values) > 1:  # each may have another scale
        return [
            draw(one, None if seen is None else seen[row], style, abouts[row])
            for row, one in enumerate(values)
        ]
    how = style.reduce or first.reduce
    flat = reduce_channels(values, how, first.copied)
    scales = _scales(flat, how, style, first)  # of what is stored, not of what it is stretched to
    alive = np.nanmax(np.abs(flat), axis=(1, 2), initial=0.0) > 0
    if seen is not None and flat.shape != seen.shape[:3]:
        flat = _fitted(flat, seen.shape[1:3])
    heat = colour(place(flat, scales), style.colours(scales[0].signed))
    back = None if seen is None else _backdrop(seen)
    mixed = heat if back is None else blend(heat, back, style.alpha)
    layers = zip(heat, [None] * len(heat) if back is None else back, mixed, strict=True)
    bar = first.bar(how, values.shape[-1])
    return [
        Drawing(_png(layer, scale, style=style, about=about, bar=bar), scale, flat=not some)
        for layer, scale, about, some in zip(layers, scales, abouts, alive, strict=True)
    ]


def _scales(flat: Floats, how: str, style: Style, about: About) -> list[Scale]:
    """Return the scale of each reduced map, (N, h, w): its own, or the one that all share."""
    limits = find_limits(flat, style.clip) if style.limit is None else [style.limit] * len(flat)
    signed = is_signed(flat, how, about.sign) if style.signed is None else style.signed
    return [Scale(limit, signed) for limit in limits]


def _fitted(maps: Floats, size: tuple[int, ...]) -> Floats:
    """Return maps, (N, h, w), of another size; beside what is not finite, values are lost (NaN)."""
    lost = ~np.isfinite(maps)
    out = resized(np.where(lost, 0.0, maps), size)
    if lost.any():
        out[resized(lost, size) > 0] = np.nan
    return out


def _png(
    layers: tuple[Pixels, Pixels | None, Pixels],
    scale: Scale,
    *,
    style: Style,
    about: About,
    bar: str,
) -> bytes:
    """Return the file of one picture, of its heatmap, what lies below, and both as one.

    `bar` is what the values on the colour bar are.
    """
    heat, back, mixed = layers
    drawn, factor = (heat if style.kind == "heatmap" else mixed), style.factor(*heat.shape[:2])
    cmap = style.colours(scale.signed)
    if style.kind == "panel":
        words = Words(about.title(), about.below(), bar, cmap)
        drawn, factor = panel(back, heat, mixed, scale=scale, words=words), 1
    text = {
        **vars(about),
        "kind": style.kind,
        "reduce": style.reduce or about.reduce,
        "bar": bar,
        "cmap": cmap,
        "clip": style.clip,
        "alpha": style.alpha,
        "scale": {"low": scale.low, "high": scale.limit},
    }
    noisy = factor == 1 and style.kind != "panel"
    return png_of(drawn, KEY, json.dumps(text, sort_keys=True), factor, noisy)


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
