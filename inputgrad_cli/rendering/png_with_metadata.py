"""Encodes drawn pixels as a PNG file that says in a text chunk what it shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.rendering.colour_bar import ColourBar
from inputgrad_cli.rendering.colour_maps import Pixels
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY


def encode_picture(
    pixels: Pixels, caption: Caption, style: Style, bar: ColourBar, facts: Mapping[str, Any]
) -> bytes:
    """Return the PNG file; `facts` are the kind of picture, and what only this kind has."""
    text = {
        **vars(caption),
        "bar": bar.units,
        "cmap": bar.cmap,
        "clip": style.clip,
        "scale": {"low": bar.scale.low, "high": bar.scale.limit},
        **facts,
    }
    return encode_png(pixels, TEXT_KEY, json.dumps(text, sort_keys=True))
