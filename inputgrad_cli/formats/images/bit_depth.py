"""Scales pictures of more than 8 bits, or of floats, from their value range to 0..255."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from inputgrad_cli.data.image_options import ValueRange
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.array_helpers import Array

UINT16_RANGE = (0.0, 65535.0)
INT16_RANGE = (-32768.0, 32767.0)
PNG_DEPTH_OFFSET = 24  # byte offset of the bits per channel in a PNG file
TIFF_BITS_TAG = 258  # BitsPerSample


def is_deep(image: Image.Image) -> bool:
    """Return whether the pixels are 16 or 32 bits wide, or floats."""
    return image.mode in ("I", "F") or image.mode.startswith("I;")


def has_lost_bits(image: Image.Image, data: bytes) -> bool:
    """Return whether Pillow decoded 16-bit values to 8 bits, as it does for colour pictures."""
    if is_deep(image):
        return False
    if image.format == "PNG":
        return data[PNG_DEPTH_OFFSET : PNG_DEPTH_OFFSET + 1] == b"\x10"
    tags = getattr(image, "tag_v2", None)
    return image.format == "TIFF" and tags is not None and 16 in _get_bit_depths(tags)


def _get_bit_depths(tags: Any) -> tuple[int, ...]:
    depths = tags.get(TIFF_BITS_TAG, ()) if hasattr(tags, "get") else ()
    return tuple(depths) if isinstance(depths, tuple) else (depths,)


def refuse_swapped(image: Image.Image, data: bytes, where: str) -> None:
    """Raise ItemError if Pillow would return floats with their bytes in the wrong order."""
    is_compressed = image.info.get("compression", "raw") != "raw"
    if image.mode == "F" and data[:2] == b"MM" and is_compressed:
        raise ItemError(
            f"{where}: packed floats in big-endian order, which cannot be read",
            hint="save it without compression, or give it as an array (.npy)",
            kind="mode",
        )


def resolve_value_range(image: Image.Image, requested: ValueRange | None, where: str) -> ValueRange:
    """Return the values of black and white: those requested, else the full range of 16 bits.

    Raises ItemError (kind `range`) if the picture has no 16-bit integers and no range is
    requested.
    """
    if requested is not None:
        return requested
    if image.mode.startswith("I;16"):
        return UINT16_RANGE
    if image.mode == "I" and 16 in _get_bit_depths(getattr(image, "tag_v2", None)):
        return INT16_RANGE
    low, high = measure_value_range(image)
    raise ItemError(
        f"{where}: the range of its values is not known",
        reason=f"they go from {low} to {high}",
        hint="give the values of black and white: --input-range LO,HI",
        kind="range",
    )


def measure_value_range(image: Image.Image) -> ValueRange:
    """Return the smallest and the largest value.

    `Image.getextrema` fails for big-endian pixels.
    """
    values = np.asarray(image)
    return float(values.min()), float(values.max())


def note_narrow_range(
    ranges: Sequence[ValueRange], value_range: ValueRange, notes: dict[str, str]
) -> None:
    """Add a note if the values of all frames use no more than a quarter of 16 bits.

    Cameras of 10, 12 or 14 bits write files of 16 bits. Scaled by the full range of 16 bits, their
    pictures are nearly black.
    """
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    bits = next((bits for bits in (8, 10, 12, 14) if high < 1 << bits), None)
    if bits is None or low == high or high - low >= (value_range[1] - value_range[0]) / 4:
        return
    notes["narrow-range"] = (
        f"the values go from {low:g} to {high:g}, as of {bits} bits in a file of 16; black to "
        f"white is {value_range[0]:g} to {value_range[1]:g}: where the model was trained on "
        f"{bits} bits give --input-range {'0' if low >= 0 else f'{low:g}'},{(1 << bits) - 1}"
    )


def to_pixels(
    image: Image.Image, value_range: ValueRange, notes: dict[str, str], where: str
) -> Image.Image:
    """Return a grey picture of floats in 0..255.

    Values outside the value range are clipped, which adds a note. Raises ItemError (kind
    `nonfinite`) for NaN and infinite values.
    """
    values: Array = np.asarray(image).astype(np.float64 if image.mode == "I" else np.float32)
    if invalid := int(np.count_nonzero(~np.isfinite(values))):
        raise ItemError(
            f"{where}: {invalid} of {values.size} values are NaN or infinite",
            reason="no gradient has a meaning there",
            kind="nonfinite",
        )
    low, high = value_range
    outside = int(np.count_nonzero((values < low) | (values > high)))
    if outside:
        notes["outside-range"] = (
            f"{outside} of {values.size} values lie outside {low:g} to {high:g} and were clipped"
        )
    shares = (np.clip(values, low, high) - low) / (high - low)
    return Image.fromarray((255 * shares).astype(np.float32))
