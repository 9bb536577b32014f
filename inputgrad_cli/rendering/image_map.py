"""Draws the maps of attributions as PNG files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.caption import Caption
from inputgrad_cli.data.picture_style import Scale, Style
from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.numeric.resize import resize_maps
from inputgrad_cli.rendering.colour_maps import Pixels, to_colours
from inputgrad_cli.rendering.panel import PanelText, draw_panel
from inputgrad_cli.rendering.png import encode_png
from inputgrad_cli.rendering.scale import find_limits, is_signed, normalize, reduce_channels

TEXT_KEY = "inputgrad"
LUMA_WEIGHTS = tuple(enumerate((0.299, 0.587, 0.114)))  # luma, by ITU-R BT.601


@dataclass(frozen=True)
class Drawing:
    """A PNG file with its scale; `flat` is true if its map is zero everywhere."""

    png: bytes
    scale: Scale
    flat: bool


def is_drawable(shape: tuple[int, ...]) -> bool:
    """Return whether a map of one sample with this shape can be drawn, as (H, W, C) can."""
    return len(shape) == 3 and all(shape)


def draw(values: Array, background: Array | None, style: Style, caption: Caption) -> Drawing:
    """Return the picture of signed values (H, W, C) over `background`, uint8 (H, W, 1, 3 or 4).

    Maps of another size than `background`, such as those of layers, are resized to it bilinearly.
    Without `background` an overlay is a heatmap. The caption and the scale are written into the
    text chunk of the file.
    """
    below = None if background is None else background[np.newaxis]
    return draw_all(values[np.newaxis], below, style, [caption])[0]


def draw_all(
    values: Array, background: Array | None, style: Style, captions: Sequence[Caption]
) -> list[Drawing]:
    """Return the drawings of maps (N, H, W, C) over `background` (N, ...), each on its own scale.

    All use the reduction and the sign of the first caption. They are drawn together because small
    maps, drawn one by one, spend most of their time in calls to NumPy and in waits for the GIL.
    """
    first = captions[0]
    if first.sign == "either" and len(values) > 1:  # each map may have another sign
        return [
            draw(map_values, None if background is None else background[row], style, captions[row])
            for row, map_values in enumerate(values)
        ]
    reduction = style.reduce or first.reduce
    flat = reduce_channels(values, reduction, first.copied)
    # The scales are those of the stored values, before the maps are resized.
    scales = _find_scales(flat, reduction, style, first)
    any_nonzero = np.nanmax(np.abs(flat), axis=(1, 2), initial=0.0) > 0
    if background is not None and flat.shape != background.shape[:3]:
        flat = _resize_maps(flat, background.shape[1:3])
    heat = to_colours(normalize(flat, scales), style.get_colour_map(scales[0].signed))
    backdrop = None if background is None else _to_rgb(background)
    mixed = heat if backdrop is None else blend(heat, backdrop, style.alpha)
    bar = first.format_bar_label(reduction, values.shape[-1])
    drawings = []
    for i, (scale, caption) in enumerate(zip(scales, captions, strict=True)):
        layers = (heat[i], None if backdrop is None else backdrop[i], mixed[i])
        png = _draw_png(layers, scale, style=style, caption=caption, bar=bar)
        drawings.append(Drawing(png, scale, flat=not any_nonzero[i]))
    return drawings


def _find_scales(flat: Floats, reduction: str, style: Style, caption: Caption) -> list[Scale]:
    """Return the scale of each reduced map, (N, h, w), or the shared scale of the style."""
    limits = find_limits(flat, style.clip) if style.limit is None else [style.limit] * len(flat)
    signed = is_signed(flat, reduction, caption.sign) if style.signed is None else style.signed
    return [Scale(limit, signed) for limit in limits]


def _resize_maps(maps: Floats, size: tuple[int, ...]) -> Floats:
    """Return maps, (N, h, w), in another size, with NaN next to values that are not finite."""
    invalid = ~np.isfinite(maps)
    out = resize_maps(np.where(invalid, 0.0, maps), size)
    if invalid.any():
        out[resize_maps(invalid, size) > 0] = np.nan
    return out


def _draw_png(
    layers: tuple[Pixels, Pixels | None, Pixels],
    scale: Scale,
    *,
    style: Style,
    caption: Caption,
    bar: str,
) -> bytes:
    """Return the PNG file of one picture.

    `layers` are its heatmap, its background, and both blended; `bar` is the colour bar label.
    """
    heat, backdrop, mixed = layers
    pixels, zoom = (heat if style.kind == "heatmap" else mixed), style.get_zoom(*heat.shape[:2])
    cmap = style.get_colour_map(scale.signed)
    if style.kind == "panel":
        panel_text = PanelText(caption.format_title(), caption.format_input_title(), bar, cmap)
        pixels, zoom = draw_panel(backdrop, heat, mixed, scale=scale, panel_text=panel_text), 1
    text = {
        **vars(caption),
        "kind": style.kind,
        "reduce": style.reduce or caption.reduce,
        "bar": bar,
        "cmap": cmap,
        "clip": style.clip,
        "alpha": style.alpha,
        "scale": {"low": scale.low, "high": scale.limit},
    }
    noisy = zoom == 1 and style.kind != "panel"
    return encode_png(pixels, TEXT_KEY, json.dumps(text, sort_keys=True), zoom, noisy)


def blend(heat: Pixels, backdrop: Pixels, alpha: float) -> Pixels:
    """Return the heatmap over the grey picture, so that only attributions have colour."""
    mixed = np.multiply(heat, np.float32(alpha), dtype=np.float32)
    red, green, blue = (
        backdrop[..., channel] * np.float32(share) for channel, share in LUMA_WEIGHTS
    )
    mixed += (np.float32(1.0 - alpha) * (red + green + blue))[..., np.newaxis]
    return np.rint(mixed, out=mixed).astype(np.uint8)


def _to_rgb(background: Array) -> Array:
    if background.shape[-1] == 1:
        return np.repeat(background, 3, axis=-1)
    return background[..., :3]


def as_pixels(array: Array) -> Pixels:
    """Return a model input (H, W, C) as a picture, its value range scaled to 0..255."""
    low, high = float(np.min(array)), float(np.max(array))
    span = (high - low) or 1.0
    return np.asarray(np.rint((array - low) / span * 255.0), np.uint8)
