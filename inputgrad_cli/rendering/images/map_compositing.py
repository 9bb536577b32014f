"""Turns maps (H, W, C) into the layers of pictures: reduced, resized, coloured and blended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.rendering.colour_maps import NAN_COLOUR, Pixels, to_colours
from inputgrad_cli.rendering.colour_scale import find_limits, is_signed, normalize, reduce_channels
from inputgrad_cli.rendering.images.map_resizing import add_lines, fit_lines, fit_maps, smooth_maps
from inputgrad_cli.rendering.images.target_outline import paint_lines

LUMA_WEIGHTS = tuple(enumerate((0.299, 0.587, 0.114)))  # luma, by ITU-R BT.601
BLOCK_PIXELS = 1 << 20  # coloured at a time; the floats of a photograph would take gigabytes
PAPER = 255  # what lies outside of a map that is drawn without the image


@dataclass(frozen=True)
class ImageLayers:
    """What one picture is composed of: the coloured map, the image below it, and both blended.

    Each is (H, W, 3). `backdrop` is None if there is no image; then `mixed` is the coloured map.
    `values` is the reduced map (H, W), NaN where it is not finite and outside of it. `zoom` is the
    factor by which the layers are still to be enlarged. `bar` is the label of the colour bar, and
    `cmap` its colour map. `flat` is true if the map is zero everywhere. `lines` (H, W) are those
    around what the target is about; `mixed` has them already.
    """

    heat: Pixels
    backdrop: Pixels | None
    mixed: Pixels
    values: Floats
    outside: Array | None
    scale: Scale
    caption: Caption
    bar: str
    cmap: str
    zoom: int
    flat: bool
    lines: Pixels | None = None

    @property
    def grey(self) -> Pixels:
        """Return the image below the map in grey; without one, the coloured map in grey."""
        return to_grey(self.heat if self.backdrop is None else self.backdrop)

    @property
    def nonfinite(self) -> Array:
        """Return where the map is not finite, (H, W)."""
        lost = np.isnan(self.values)
        return lost if self.outside is None else lost & ~self.outside


def build_layers(
    sources: Sequence[MapSource], style: Style, *, at_drawn_size: bool = False, sizes: bool = False
) -> list[ImageLayers]:
    """Return the layers of maps that share one batch key.

    The scales are those of the stored values. Maps of layers are enlarged bilinearly to the drawn
    size, maps of inputs by whole pixels, which are only repeated when the file is written, unless
    `at_drawn_size` asks for it before. With `sizes`, smoothed maps are of absolute values.
    """
    first = sources[0]
    caption, values = first.caption, np.stack([source.values for source in sources])
    reduction = style.reduce or caption.reduce
    flat = reduce_channels(values, reduction, caption.copied)
    scales = find_scales(flat, reduction, style, caption)
    any_nonzero = np.nanmax(np.abs(flat), axis=(1, 2), initial=0.0) > 0
    flat[~np.isfinite(flat)] = np.nan
    backdrop = _stack_backgrounds(sources)
    size = flat.shape[1:] if backdrop is None else backdrop.shape[1:3]
    zoom = get_zoom(first, style)
    is_coarse = caption.is_layer or (first.box is None and flat.shape[1:] != size)
    factor = zoom if is_coarse or at_drawn_size else 1
    is_smoothed = style.smooth and not is_coarse
    if is_smoothed:
        flat = smooth_maps(np.abs(flat) if sizes else flat)
    flat, outside = fit_maps(flat, first, (size[0], size[1]), factor, is_coarse)
    if backdrop is not None and factor > 1:
        backdrop = backdrop.repeat(factor, axis=1).repeat(factor, axis=2)
    cmap = style.get_colour_map(scales[0].signed)
    heat, mixed = _paint(flat, scales, cmap, backdrop, style.alpha)
    lines = [fit_lines(source, (size[0], size[1]), factor) for source in sources]
    if outside is not None:
        heat[:, outside] = PAPER
        if backdrop is not None:
            mixed[:, outside] = to_grey(backdrop[:, outside])
    mixed = add_lines(mixed, lines, flat, shared=backdrop is None)
    bar = caption.format_bar_label(reduction, values.shape[-1], is_smoothed)
    return [
        ImageLayers(
            heat=heat[i],
            backdrop=None if backdrop is None else backdrop[i],
            mixed=mixed[i],
            values=flat[i],
            outside=outside,
            scale=scales[i],
            caption=source.caption,
            bar=bar,
            cmap=cmap,
            zoom=zoom // factor,
            flat=not any_nonzero[i],
            lines=lines[i],
        )
        for i, source in enumerate(sources)
    ]


def get_zoom(source: MapSource, style: Style) -> int:
    """Return the integer factor that enlarges a picture; a file's own picture keeps its size."""
    if source.box is not None:
        return style.zoom or 1
    image = source.values if source.background is None else source.background
    return style.get_zoom(*image.shape[:2])


def find_scales(flat: Floats, reduction: str, style: Style, caption: Caption) -> list[Scale]:
    """Return the scale of each reduced map, (N, h, w), or the shared scale of the style."""
    limits = find_limits(flat, style.clip) if style.limit is None else [style.limit] * len(flat)
    signed = is_signed(reduction, caption.sign) if style.signed is None else style.signed
    return [Scale(limit, signed) for limit in limits]


def _paint(
    flat: Floats, scales: Sequence[Scale], cmap: str, backdrop: Pixels | None, alpha: float
) -> tuple[Pixels, Pixels]:
    """Return the coloured maps (N, H, W, 3), and these blended with the images below them."""
    heat = np.empty((*flat.shape, 3), np.uint8)
    mixed = heat if backdrop is None else np.empty_like(heat)
    rows = max(1, BLOCK_PIXELS // max(len(flat) * flat.shape[2], 1))
    for start in range(0, flat.shape[1], rows):
        block = slice(start, start + rows)
        heat[:, block] = to_colours(normalize(flat[:, block], scales), cmap)
        if backdrop is not None:
            mixed[:, block] = blend(heat[:, block], backdrop[:, block], alpha)
            mixed[:, block][np.isnan(flat[:, block])] = NAN_COLOUR
    return heat, mixed


def blend(heat: Pixels, backdrop: Pixels, alpha: float) -> Pixels:
    """Return the heatmap over the grey picture, so that only attributions have colour."""
    mixed = np.multiply(heat, np.float32(alpha), dtype=np.float32)
    mixed += (np.float32(1.0 - alpha) * _compute_luma(backdrop))[..., np.newaxis]
    return np.rint(mixed, out=mixed).astype(np.uint8)


def to_grey(pixels: Pixels, share: float = 1.0) -> Pixels:
    """Return pixels (..., 3) in grey, `share` times as bright."""
    grey = np.rint(_compute_luma(pixels) * np.float32(share)).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def mark_pixels(pixels: Pixels, layers: ImageLayers) -> Pixels:
    """Return pixels with the lines of the target, and in green where the map is not finite."""
    if (lost := layers.nonfinite).any():
        pixels[lost] = NAN_COLOUR
    if layers.lines is not None:
        paint_lines(pixels, layers.lines)
    return pixels


def _compute_luma(pixels: Pixels) -> Floats:
    red, green, blue = (pixels[..., channel] * np.float32(share) for channel, share in LUMA_WEIGHTS)
    return np.asarray(red + green + blue)


def _stack_backgrounds(sources: Sequence[MapSource]) -> Pixels | None:
    """Return the backgrounds of maps as colour images, (N, H, W, 3), None if they have none."""
    below = [source.background for source in sources if source.background is not None]
    if not below:
        return None
    images: Pixels = np.stack(below)
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images[..., :3]
