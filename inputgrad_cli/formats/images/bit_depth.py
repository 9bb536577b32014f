"""Pictures of more than 8 bits, or of floats: from their own range to pixels 0..255."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.options import Span
from inputgrad_cli.numeric.arrays import Array

SIXTEEN = (0.0, 65535.0)
SIGNED_SIXTEEN = (-32768.0, 32767.0)
PNG_DEPTH = 24  # where the header of a PNG says how many bits a channel has
TIFF_DEPTH = 258


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


def refuse_swapped(image: Image.Image, data: bytes, where: str) -> None:
    """Raise ItemError where Pillow gives floats with their bytes in the wrong order."""
    packed = image.info.get("compression", "raw") != "raw"
    if image.mode == "F" and data[:2] == b"MM" and packed:
        raise ItemError(
            f"{where}: packed floats in big-endian order, which cannot be read",
            mend="save it without compression, or give it as an array (.npy)",
            kind="mode",
        )


def span_of(image: Image.Image, asked: Span | None, where: str) -> Span:
    """Return the values of black and white: as asked, else the whole range of 16-bit integers."""
    if asked is not None:
        return asked
    if image.mode.startswith("I;16"):
        return SIXTEEN
    if image.mode == "I" and 16 in _depths(getattr(image, "tag_v2", None)):
        return SIGNED_SIXTEEN
    low, high = extent(image)
    raise ItemError(
        f"{where}: the range of its values is not known",
        reason=f"they go from {low} to {high}",
        mend="give the values of black and white: --input-range LO,HI",
        kind="range",
    )


def extent(image: Image.Image) -> Span:
    """Return the least and the largest value; Pillow's own way fails for big-endian pixels."""
    values = np.asarray(image)
    return float(values.min()), float(values.max())


def tell_narrow(extents: Sequence[Span], span: Span, notes: dict[str, str]) -> None:
    """Note where the values of all frames use no more than a quarter of 16 bits.

    Cameras of 10, 12 or 14 bits write 16: by the whole range their pictures are nearly black.
    """
    low, high = min(low for low, _ in extents), max(high for _, high in extents)
    bits = next((bits for bits in (8, 10, 12, 14) if high < 1 << bits), None)
    if bits is None or low == high or high - low >= (span[1] - span[0]) / 4:
        return
    notes["narrow-range"] = (
        f"the values go from {low:g} to {high:g}, as of {bits} bits in a file of 16; black to "
        f"white is {span[0]:g} to {span[1]:g}: where the model was trained on {bits} bits give "
        f"--input-range {'0' if low >= 0 else f'{low:g}'},{(1 << bits) - 1}"
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
