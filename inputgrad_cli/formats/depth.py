"""Pictures of more than 8 bits, or of floats: from their own range to pixels 0..255."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import ItemError

SIXTEEN = (0.0, 65535.0)
SIGNED_SIXTEEN = (-32768.0, 32767.0)
PNG_DEPTH = 24  # where the header of a PNG says how many bits a channel has
TIFF_DEPTH = 258

Span = tuple[float, float]


def is_deep(image: Image.Image) -> bool:
    """Return whether the pixels are 16 or 32 bits wide, or floats."""
    return image.mode in ("I", "F") or image.mode.startswith("I;")


def was_deep(image: Image.Image, data: bytes) -> bool:
    """Return whether Pillow gives 8 bits of the file's 16, as it does for colours."""
    if is_deep(image):
        return False
    if image.format == "PNG":
        return data[PNG_DEPTH : PNG_DEPTH + 1] == b"\x10"
    tags = getattr(image, "tag_v2", None)
    return image.format == "TIFF" and tags is not None and 16 in _depths(tags)


def _depths(tags: Any) -> tuple[int, ...]:
    found = tags.get(TIFF_DEPTH, ()) if hasattr(tags, "get") else ()
    return tuple(found) if isinstance(found, tuple) else (found,)


def span_of(image: Image.Image, asked: Span | None, where: str) -> Span:
    """Return the values of black and white: as asked, else the whole range of 16-bit integers."""
    if asked is not None:
        return asked
    if image.mode.startswith("I;16"):
        return SIXTEEN
    if image.mode == "I" and 16 in _depths(getattr(image, "tag_v2", None)):
        return SIGNED_SIXTEEN
    low, high = image.getextrema()
    raise ItemError(
        f"{where}: the range of its values is not known",
        reason=f"they go from {low} to {high}",
        mend="give the values of black and white: --input-range LO,HI",
        kind="range",
    )


def to_pixels(image: Image.Image, span: Span, notes: dict[str, str], where: str) -> Image.Image:
    """Return a grey picture of floats 0..255; values outside `span` are clipped, and noted."""
    values: Array = np.asarray(image).astype(np.float64 if image.mode == "I" else np.float32)
    if lost := int(np.count_nonzero(~np.isfinite(values))):
        raise ItemError(
            f"{where}: {lost} of {values.size} values are NaN or infinite",
            reason="no gradient has a meaning there",
            kind="nonfinite",
        )
    low, high = span
    outside = int(np.count_nonzero((values < low) | (values > high)))
    if outside:
        notes["outside-range"] = (
            f"{outside} of {values.size} values lie outside {low:g} to {high:g} and were clipped"
        )
    shares = (np.clip(values, low, high) - low) / (high - low)
    return Image.fromarray((255 * shares).astype(np.float32))
