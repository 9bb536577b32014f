"""Encodes small pictures for pages: thumbnails of drawn pictures, and colour bars."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from inputgrad_cli.data.pictures.picture_style import MAX_PIXELS
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.picture import class_pictures, pictures
from inputgrad_cli.rendering.colour_maps import Pixels, load_colour_table
from inputgrad_cli.rendering.fast_png_encoding import SIGNATURE
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY, ImageMap

QUALITY = 75  # of WebP: at 96 pixels 1.5 kB each, and no difference to the PNG that the eye sees
EFFORT = 2  # of 0 to 6: half the time of 4, for 6 % more bytes
WIDEST = 4  # times as wide as high is a thumbnail at most, for figures of several pictures
SIZE_OF_HEADER = slice(16, 24)  # of a PNG: where its width and height stand


@dataclass(frozen=True)
class Thumbnail:
    """A small WebP picture, and what the PNG that it was drawn from says about itself."""

    data: bytes
    text: Mapping[str, Any] = field(default_factory=dict)


def encode_thumbnail(png: bytes, height: int) -> Thumbnail:
    """Return a drawn picture, at most `height` pixels high and four times as wide; ItemError."""
    small, text = _decode(png)
    small.thumbnail((WIDEST * height, height), Image.Resampling.BOX)
    return Thumbnail(_encode_webp(small), text)


def shrink_picture(png: bytes, width: int, height: int) -> Pixels:
    """Return a drawn picture (H, W, 3) in at most this size, in its proportions; ItemError."""
    small, _ = _decode(png)
    small.thumbnail((width, height), Image.Resampling.BOX)
    return np.asarray(small)


def is_image_picture(png: bytes) -> bool:
    """Return whether a drawn picture says that it is one of an image; ItemError."""
    _, text = _decode(png)
    kinds = {cls.name: cls for registry in (pictures, class_pictures) for cls in registry}
    kind = kinds.get(str(text.get("kind")))
    return kind is not None and issubclass(kind, ImageMap)


def _decode(png: bytes) -> tuple[Image.Image, Mapping[str, Any]]:
    """Return a drawn picture, and what it says about itself; ItemError."""
    if not png.startswith(SIGNATURE) or len(png) < SIZE_OF_HEADER.stop:
        raise _build_error("not a PNG file")
    columns, rows = struct.unpack(">II", png[SIZE_OF_HEADER])
    if columns * rows > MAX_PIXELS:  # before Pillow, which would decode them all
        raise _build_error(f"it has {columns}x{rows} pixels")
    try:
        image = Image.open(io.BytesIO(png), formats=["PNG"])
        text = _parse_text(getattr(image, "text", {}).get(TEXT_KEY))
        return image.convert("RGB"), text
    except Exception as error:  # decoders raise many types for damaged bytes
        raise _build_error(str(error)) from None


def shrink_thumbnail(data: bytes, height: int) -> bytes:
    """Return a thumbnail of ours in a smaller size."""
    image = Image.open(io.BytesIO(data), formats=["WEBP"])
    image.thumbnail((WIDEST * height, height), Image.Resampling.BOX)
    return _encode_webp(image)


def encode_colour_bar(name: str) -> bytes:
    """Return a PNG of 256 by 1 pixels, the colours of a map from low to high; UsageError."""
    out = io.BytesIO()
    Image.fromarray(load_colour_table(name)[None]).save(out, "PNG")
    return out.getvalue()


def _encode_webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY, method=EFFORT)
    return out.getvalue()


def _parse_text(text: object) -> Mapping[str, Any]:
    """Return what a picture says about itself, {} if it says nothing that can be read."""
    try:
        parsed = json.loads(str(text))
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _build_error(reason: str) -> ItemError:
    return ItemError("its picture cannot be read", reason=reason, kind="unreadable")
