"""What the pictures of images share: a map (H, W, C) is reduced, coloured and enlarged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.caption import Caption
from inputgrad_cli.data.picture_style import MAX_PIXELS, Scale, Style
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.picture import Drawing, MapLayout, MapSource, Picture
from inputgrad_cli.numeric.arrays import Floats
from inputgrad_cli.numeric.resize import resize_maps
from inputgrad_cli.rendering.colour_maps import Pixels, to_colours
from inputgrad_cli.rendering.png import encode_png
from inputgrad_cli.rendering.scale import find_limits, is_signed, normalize, reduce_channels

TEXT_KEY = "inputgrad"
LUMA_WEIGHTS = tuple(enumerate((0.299, 0.587, 0.114)))  # luma, by ITU-R BT.601


@dataclass(frozen=True)
class ImageLayers:
    """What one picture is composed of: the coloured map, the image below it, and both blended.

    Each is (H, W, 3). `backdrop` is None if there is no image; then `mixed` is the coloured map.
    `bar` is the label of the colour bar, and `cmap` its colour map.
    """

    heat: Pixels
    backdrop: Pixels | None
    mixed: Pixels
    scale: Scale
    caption: Caption
    bar: str
    cmap: str


@dataclass(frozen=True)
class ImageMap(Picture):
    """The base of pictures that show a map as an image; `compose` makes their pixels.

    With `enlarged`, the pixels are enlarged by the zoom of the style.
    """

    subjects = "picture inputs"
    enlarged: ClassVar[bool] = True

    def compose(self, layers: ImageLayers, style: Style) -> Pixels:
        """Return the pixels of one picture, (H, W, 3)."""
        raise TypeError(f"{type(self).__name__} does not define compose()")

    def supports(self, layout: MapLayout) -> bool:
        """Return whether a map is (H, W, C) and that of an image."""
        return layout.subject == "image" and len(layout.shape) == 3 and all(layout.shape)

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawings, each with its caption and scale in the text chunk of the file.

        Maps of another size than their background, such as those of layers, are resized to it
        bilinearly. Maps are drawn together because small ones, drawn singly, spend most of their
        time in calls to NumPy and in waits for the GIL.
        """
        first = sources[0].caption
        if first.sign == "either" and len(sources) > 1:  # each map may have another sign
            return [drawing for source in sources for drawing in self.draw([source], style)]
        values = np.stack([source.values for source in sources])
        reduction = style.reduce or first.reduce
        flat = reduce_channels(values, reduction, first.copied)
        # The scales are those of the stored values, before the maps are resized.
        scales = _find_scales(flat, reduction, style, first)
        any_nonzero = np.nanmax(np.abs(flat), axis=(1, 2), initial=0.0) > 0
        backdrop = _stack_backgrounds(sources)
        if backdrop is not None and flat.shape != backdrop.shape[:3]:
            flat = _resize_maps(flat, backdrop.shape[1:3])
        cmap = style.get_colour_map(scales[0].signed)
        heat = to_colours(normalize(flat, scales), cmap)
        mixed = heat if backdrop is None else blend(heat, backdrop, style.alpha)
        bar = first.format_bar_label(reduction, values.shape[-1])
        drawings = []
        for i, (scale, source) in enumerate(zip(scales, sources, strict=True)):
            below = None if backdrop is None else backdrop[i]
            layers = ImageLayers(heat[i], below, mixed[i], scale, source.caption, bar, cmap)
            drawings.append(Drawing(self._encode(layers, style), scale, flat=not any_nonzero[i]))
        return drawings

    def _encode(self, layers: ImageLayers, style: Style) -> bytes:
        """Return the PNG file of one picture."""
        pixels = self.compose(layers, style)
        zoom = style.get_zoom(*layers.heat.shape[:2]) if self.enlarged else 1
        text = {
            **vars(layers.caption),
            "kind": self.name,
            "reduce": style.reduce or layers.caption.reduce,
            "bar": layers.bar,
            "cmap": layers.cmap,
            "clip": style.clip,
            "alpha": style.alpha,
            "scale": {"low": layers.scale.low, "high": layers.scale.limit},
        }
        noisy = zoom == 1 and self.enlarged
        return encode_png(pixels, TEXT_KEY, json.dumps(text, sort_keys=True), zoom, noisy)

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale of the reduced map, which ends at the percentile `style.clip`."""
        caption = source.caption
        reduction = style.reduce or caption.reduce
        flat = reduce_channels(source.values[np.newaxis], reduction, caption.copied)
        (limit,) = find_limits(flat, style.clip)
        return Scale(limit, is_signed(flat, reduction, caption.sign))

    def refuse_large(self, source: MapSource, style: Style) -> None:
        """Raise ItemError if the enlarged picture would exceed `MAX_PIXELS`."""
        image = source.values if source.background is None else source.background
        height, width = image.shape[:2]
        factor = style.get_zoom(height, width)
        if height * width * factor**2 > MAX_PIXELS:
            raise ItemError(
                f"a picture of {width * factor}x{height * factor} pixels is too large",
                hint="take a smaller --zoom",
                kind="shape",
            )


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


def blend(heat: Pixels, backdrop: Pixels, alpha: float) -> Pixels:
    """Return the heatmap over the grey picture, so that only attributions have colour."""
    mixed = np.multiply(heat, np.float32(alpha), dtype=np.float32)
    red, green, blue = (
        backdrop[..., channel] * np.float32(share) for channel, share in LUMA_WEIGHTS
    )
    mixed += (np.float32(1.0 - alpha) * (red + green + blue))[..., np.newaxis]
    return np.rint(mixed, out=mixed).astype(np.uint8)


def _stack_backgrounds(sources: Sequence[MapSource]) -> Pixels | None:
    """Return the backgrounds of maps as colour images, (N, H, W, 3), None if they have none."""
    below = [source.background for source in sources if source.background is not None]
    if not below:
        return None
    images: Pixels = np.stack(below)
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images[..., :3]
