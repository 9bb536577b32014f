"""PNG files of 8-bit RGB, written with one filter for all lines.

Pillow tries five filters on every line, which takes longer than the compression itself: 4 of the
6 ms of an overlay of 224 by 224. What is above a place foretells a map as well as any of them.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from inputgrad_cli.rendering.colour_maps import Pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGB = (8, 2, 0, 0, 0)  # bits, colour type; the only compression and filters; not interlaced
UP = 2  # the filter that takes what is above from every byte


def png_of(pixels: Pixels, key: str, text: str, factor: int = 1, noisy: bool = False) -> bytes:
    """Return the file of uint8 pixels (H, W, 3), each `factor` wide and high; `text` is ASCII.

    `noisy` pictures are Huffman-coded alone: to look for repeats in noise doubles the time, for
    nothing. Those that were enlarged are made of repeats.
    """
    how = (1, zlib.Z_HUFFMAN_ONLY) if noisy else (3, zlib.Z_DEFAULT_STRATEGY)
    packer = zlib.compressobj(how[0], zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, how[1])
    data = packer.compress(_filtered(pixels, factor).data) + packer.flush()
    height, width = (side * factor for side in pixels.shape[:2])
    header = struct.pack(">II5B", width, height, *RGB)
    chunks = (b"IHDR", header), (b"tEXt", f"{key}\0{text}".encode("ascii")), (b"IDAT", data)
    return SIGNATURE + b"".join(_chunk(*one) for one in (*chunks, (b"IEND", b"")))


def _filtered(pixels: Pixels, factor: int) -> Pixels:
    """Return the lines, (H, factor, 1 + bytes of a line): a repeated one differs by nothing."""
    columns = np.repeat(np.arange(pixels.shape[1]), factor)
    # To take them lets other threads go on, as `np.repeat` does not.
    wide = np.take(pixels, columns, axis=1).reshape(len(pixels), -1)
    lines = np.zeros((len(wide), factor, 1 + wide.shape[1]), np.uint8)
    lines[..., 0] = UP
    lines[:1, 0, 1:] = wide[:1]
    np.subtract(wide[1:], wide[:-1], out=lines[1:, 0, 1:])
    return lines


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
