"""The bands of a TIFF file that has more of them than a picture has channels.

Pillow decodes every packing, but makes pictures of at most four channels. So it is shown each file
as one of a single channel: bands that stand side by side as a picture so many times as wide, bands
that stand one after the other as a picture each.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.arrays import Array

WIDTH, HEIGHT, BITS, PACKING, INK, ROWS = 256, 257, 258, 259, 262, 278
STARTS, BANDS, SIZES, PLANES, PREDICTOR = 273, 277, 279, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILE_STARTS, TILE_SIZES, EXTRA, KIND = 322, 323, 324, 325, 338, 339
LONGS = (WIDTH, HEIGHT, ROWS, STARTS, SIZES, TILE_WIDTH, TILE_HEIGHT, TILE_STARTS, TILE_SIZES)
LONG, SHORT = 4, 3  # the types of a value, as TIFF numbers them
PACKINGS = (1, 5, 8, 32773, 32946)  # none, LZW, deflate, PackBits: they pack bytes, not pixels
DIFFERENCES = 2  # the predictor that stores each value as the difference from the one before
FLOATS = 3  # a kind of values
APART = 2  # of bands: one after the other
ALPHA = (1, 2)  # what a fourth band is in a picture
Tags = dict[int, tuple[int, ...]]


def count_bands(data: bytes) -> int:
    """Return how many bands the first page of a TIFF file has, 0 where this is none, or not one."""
    try:
        return _tags(data).get(BANDS, (1,))[0]
    except Exception:  # readers raise whatever foreign bytes lead them to
        return 0


def has_alpha(data: bytes) -> bool:
    """Return whether the last band of a TIFF file says how much of the others is seen."""
    return any(extra in ALPHA for extra in _tags(data).get(EXTRA, ()))


def read_bands(data: bytes, where: str) -> list[Image.Image]:
    """Return the bands of the first page, each a grey picture; ItemError (kind `mode`)."""
    tags = _tags(data)
    count, depths, kinds = tags[BANDS][0], set(tags.get(BITS, (1,))), set(tags.get(KIND, (1,)))
    apart = tags.get(PLANES, (1,))[0] == APART
    predictor = tags.get(PREDICTOR, (1,))[0]
    packing = tags.get(PACKING, (1,))[0]
    plain = len(depths) == len(kinds) == 1 and depths <= {8, 16, 32} and packing in PACKINGS
    # Pillow gives the bytes of packed floats in the order of the file, not of the machine.
    swapped = data[:2] == b"MM" and packing != 1 and kinds == {FLOATS}
    if not plain or swapped or (predictor > DIFFERENCES and not apart):
        raise ItemError(
            f"{where}: {count} bands, written in a way that is not read",
            reason="bands of 8, 16 or 32 bits are read, unpacked or packed by LZW or deflate",
            mend="give it as an array (.npy)",
            kind="mode",
        )
    if apart:
        return [_opened(data, _one_of(tags, band, count)) for band in range(count)]
    wide = _opened(data, _side_by_side(tags, count))
    values = np.asarray(wide).reshape(wide.height, -1, count)
    if predictor == DIFFERENCES:
        values = _summed(values, tags.get(TILE_WIDTH, tags[WIDTH])[0])
    return [_picture(values[..., band]) for band in range(count)]


def _tags(data: bytes) -> Tags:
    """Return the tags of the first page that are whole numbers."""
    directory: Any = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    file = io.BytesIO(data)
    file.seek(directory.next)
    directory.load(file)
    found = {tag: directory[tag] for tag in list(directory)}
    listed = {tag: v if isinstance(v, tuple) else (v,) for tag, v in found.items()}
    return {tag: v for tag, v in listed.items() if all(isinstance(one, int) for one in v)}


def _single(tags: Tags) -> Tags:
    """Return the tags of a page with one band in the place of several."""
    kept = {tag: v for tag, v in tags.items() if tag in (*LONGS, PACKING, PREDICTOR, 266)}
    kept |= {BITS: tags[BITS][:1], KIND: tags.get(KIND, (1,))[:1], INK: (1,), BANDS: (1,)}
    return kept


def _side_by_side(tags: Tags, count: int) -> Tags:
    wide = {tag: (tags[tag][0] * count,) for tag in (WIDTH, TILE_WIDTH) if tag in tags}
    return {**_single(tags), **wide, PREDICTOR: (1,)}


def _one_of(tags: Tags, band: int, count: int) -> Tags:
    def part(values: tuple[int, ...]) -> tuple[int, ...]:
        each = len(values) // count
        return values[band * each : (band + 1) * each]

    several = (STARTS, SIZES, TILE_STARTS, TILE_SIZES)
    return {**_single(tags), **{tag: part(tags[tag]) for tag in several if tag in tags}}


def _opened(data: bytes, tags: Tags) -> Image.Image:
    """Return the picture that a file shows by other tags, which are put at its end."""
    order = "<" if data[:2] == b"II" else ">"
    at = len(data) + len(data) % 2
    head = data[:4] + struct.pack(f"{order}I", at) + data[8:] + b"\0" * (at - len(data))
    image = Image.open(io.BytesIO(head + _directory(tags, order, at)), formats=["TIFF"])
    image.load()
    return image


def _directory(tags: Tags, order: str, at: int) -> bytes:
    """Return a directory of tags that stands at byte `at`, and the values too long for it."""
    entries, values = b"", b""
    begin = at + 2 + 12 * len(tags) + 4
    for tag in sorted(tags):
        kind, letter = (LONG, "I") if tag in LONGS else (SHORT, "H")
        packed = struct.pack(f"{order}{len(tags[tag])}{letter}", *tags[tag])
        entries += struct.pack(f"{order}HHI", tag, kind, len(tags[tag]))
        if len(packed) <= 4:
            entries += packed.ljust(4, b"\0")
            continue
        entries += struct.pack(f"{order}I", begin + len(values))
        values += packed + b"\0" * (len(packed) % 2)
    return struct.pack(f"{order}H", len(tags)) + entries + b"\0" * 4 + values


def _summed(values: Array, width: int) -> Array:
    """Return values (H, W, bands) of which each but the first of a row of a tile was a difference.

    Tiles are `width` pixels wide.
    """
    kind = values.dtype.newbyteorder("=")
    starts = range(0, values.shape[1], width)
    tiles = [np.cumsum(values[:, at : at + width], axis=1, dtype=kind) for at in starts]
    return np.concatenate(tiles, axis=1)


def _picture(values: Array) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(values, values.dtype.newbyteorder("=")))
