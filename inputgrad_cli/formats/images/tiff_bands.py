"""Reads the bands of a TIFF file that has more of them than a picture has channels.

Pillow decodes every compression, but only pictures of at most four channels. This module rewrites
the tags of a file so that Pillow reads single channels: interleaved bands become one picture that
is as many times wider, and planar bands become one picture each.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.array_helpers import Array

# The codes of tags in TIFF 6.0.
WIDTH = 256
HEIGHT = 257
BITS_PER_SAMPLE = 258
COMPRESSION = 259
PHOTOMETRIC = 262
FILL_ORDER = 266
STRIP_OFFSETS = 273
SAMPLES_PER_PIXEL = 277
ROWS_PER_STRIP = 278
STRIP_BYTE_COUNTS = 279
PLANAR_CONFIGURATION = 284
PREDICTOR = 317
TILE_WIDTH = 322
TILE_HEIGHT = 323
TILE_OFFSETS = 324
TILE_BYTE_COUNTS = 325
EXTRA_SAMPLES = 338
SAMPLE_FORMAT = 339
LONG_TAGS = (
    WIDTH,
    HEIGHT,
    ROWS_PER_STRIP,
    STRIP_OFFSETS,
    STRIP_BYTE_COUNTS,
    TILE_WIDTH,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_BYTE_COUNTS,
)
LONG, SHORT = 4, 3  # the TIFF codes of value types
# None, LZW, deflate, PackBits and the older code of deflate. All compress bytes, not pixels.
COMPRESSIONS = (1, 5, 8, 32773, 32946)
DIFFERENCES = 2  # the predictor that stores the difference from the previous value
IEEE_FLOAT = 3  # a sample format
PLANAR = 2  # a planar configuration: one band after the other
ALPHA_KINDS = (1, 2)  # the two kinds of alpha band
Tags = dict[int, tuple[int, ...]]


def count_bands(data: bytes) -> int:
    """Return the number of bands on the first page, or 0 if the file is not a readable TIFF."""
    try:
        return _read_tags(data).get(SAMPLES_PER_PIXEL, (1,))[0]
    except Exception:  # Pillow raises many types for damaged bytes
        return 0


def has_alpha(data: bytes) -> bool:
    """Return whether a TIFF file has an alpha band."""
    return any(extra in ALPHA_KINDS for extra in _read_tags(data).get(EXTRA_SAMPLES, ()))


def read_bands(data: bytes, where: str) -> list[Image.Image]:
    """Return the bands of the first page as grey pictures. Raises ItemError (kind `mode`)."""
    tags = _read_tags(data)
    count, depths, kinds = (
        tags[SAMPLES_PER_PIXEL][0],
        set(tags.get(BITS_PER_SAMPLE, (1,))),
        set(tags.get(SAMPLE_FORMAT, (1,))),
    )
    is_planar = tags.get(PLANAR_CONFIGURATION, (1,))[0] == PLANAR
    predictor = tags.get(PREDICTOR, (1,))[0]
    compression = tags.get(COMPRESSION, (1,))[0]
    is_readable = (
        len(depths) == len(kinds) == 1 and depths <= {8, 16, 32} and compression in COMPRESSIONS
    )
    # Pillow returns compressed floats in the byte order of the file and not of the machine.
    swapped = data[:2] == b"MM" and compression != 1 and kinds == {IEEE_FLOAT}
    if not is_readable or swapped or (predictor > DIFFERENCES and not is_planar):
        raise ItemError(
            f"{where}: {count} bands, written in a way that is not read",
            reason="bands of 8, 16 or 32 bits are read, unpacked or packed by LZW or deflate",
            hint="give it as an array (.npy)",
            kind="mode",
        )
    if is_planar:
        return [
            _open_with_tags(data, _select_band_tags(tags, band, count)) for band in range(count)
        ]
    wide = _open_with_tags(data, _widen_tags(tags, count))
    values = np.asarray(wide).reshape(wide.height, -1, count)
    if predictor == DIFFERENCES:
        values = _sum_differences(values, tags.get(TILE_WIDTH, tags[WIDTH])[0])
    return [_to_image(values[..., band]) for band in range(count)]


def _read_tags(data: bytes) -> Tags:
    """Return the tags of the first page that hold integers."""
    directory: Any = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    file = io.BytesIO(data)
    file.seek(directory.next)
    directory.load(file)
    values = {tag: directory[tag] for tag in list(directory)}
    listed = {tag: v if isinstance(v, tuple) else (v,) for tag, v in values.items()}
    return {tag: v for tag, v in listed.items() if all(isinstance(item, int) for item in v)}


def _to_single_band(tags: Tags) -> Tags:
    """Return the tags of a page, changed from several bands to one."""
    single = {
        tag: v for tag, v in tags.items() if tag in (*LONG_TAGS, COMPRESSION, PREDICTOR, FILL_ORDER)
    }
    single |= {
        BITS_PER_SAMPLE: tags[BITS_PER_SAMPLE][:1],
        SAMPLE_FORMAT: tags.get(SAMPLE_FORMAT, (1,))[:1],
        PHOTOMETRIC: (1,),
        SAMPLES_PER_PIXEL: (1,),
    }
    return single


def _widen_tags(tags: Tags, count: int) -> Tags:
    wide = {tag: (tags[tag][0] * count,) for tag in (WIDTH, TILE_WIDTH) if tag in tags}
    return {**_to_single_band(tags), **wide, PREDICTOR: (1,)}


def _select_band_tags(tags: Tags, band: int, count: int) -> Tags:
    def select(values: tuple[int, ...]) -> tuple[int, ...]:
        size = len(values) // count
        return values[band * size : (band + 1) * size]

    several = (STRIP_OFFSETS, STRIP_BYTE_COUNTS, TILE_OFFSETS, TILE_BYTE_COUNTS)
    return {**_to_single_band(tags), **{tag: select(tags[tag]) for tag in several if tag in tags}}


def _open_with_tags(data: bytes, tags: Tags) -> Image.Image:
    """Return the picture that a file holds by other tags, which are appended to it."""
    order = "<" if data[:2] == b"II" else ">"
    # A directory begins at an even offset, which bytes 4 to 8 of the file hold.
    offset = len(data) + len(data) % 2
    head = data[:4] + struct.pack(f"{order}I", offset) + data[8:] + b"\0" * (offset - len(data))
    image = Image.open(io.BytesIO(head + _encode_directory(tags, order, offset)), formats=["TIFF"])
    image.load()
    return image


def _encode_directory(tags: Tags, order: str, offset: int) -> bytes:
    """Return a directory of tags for byte `offset`, followed by the values too long for it."""
    entries, values = b"", b""
    # The number of tags has 2 bytes, each tag 12, and the offset of a next directory 4.
    values_offset = offset + 2 + 12 * len(tags) + 4
    for tag in sorted(tags):
        kind, letter = (LONG, "I") if tag in LONG_TAGS else (SHORT, "H")
        packed = struct.pack(f"{order}{len(tags[tag])}{letter}", *tags[tag])
        entries += struct.pack(f"{order}HHI", tag, kind, len(tags[tag]))
        # Values of up to 4 bytes take the place of their offset.
        if len(packed) <= 4:
            entries += packed.ljust(4, b"\0")
            continue
        entries += struct.pack(f"{order}I", values_offset + len(values))
        values += packed + b"\0" * (len(packed) % 2)
    return struct.pack(f"{order}H", len(tags)) + entries + b"\0" * 4 + values


def _sum_differences(values: Array, width: int) -> Array:
    """Return the values (H, W, bands) of which the file stores differences along each row.

    The differences restart in every tile, and tiles are `width` pixels wide.
    """
    kind = values.dtype.newbyteorder("=")
    starts = range(0, values.shape[1], width)
    tiles = [np.cumsum(values[:, offset : offset + width], axis=1, dtype=kind) for offset in starts]
    return np.concatenate(tiles, axis=1)


def _to_image(values: Array) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(values, values.dtype.newbyteorder("=")))
