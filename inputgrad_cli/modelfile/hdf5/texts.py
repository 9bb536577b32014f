"""Texts of variable length in an HDF5 file, which may be shared: one megabyte, named 4,000 times.

HDF5 keeps such texts in heaps, and an attribute holds but their places; it reads a text as often
as its place is named.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from inputgrad_cli.errors import ModelError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SMALL = 4096  # bytes of a text that may be named often: a name needs 16 bytes in the file
MOST_LONG = 64  # longer texts: Keras writes one configuration of the model, one of its training
HEAP = struct.Struct("<4sB3xQ")
ENTRY = struct.Struct("<HH4xQ")


def refuse_shared_texts(path: Path) -> None:
    """Raise ModelError where a long text of an HDF5 file is named more than once."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not _has_plain_addresses(data):
            raise ModelError(
                f"{path}: the weights are written in an unknown way",
                mend="build the model in Python, load the weights, save it with model.save",
                kind="unsafe",
            )
        for count, (heap, number) in enumerate(_long_texts(data)):
            place = struct.pack("<QI", heap, number)
            first = data.find(place)
            if count >= MOST_LONG or data.find(place, first + 1) >= 0:
                raise ModelError(
                    f"{path}: a long text inside is named more than once",
                    reason="each time it would be read anew",
                    kind="unsafe",
                )


def _has_plain_addresses(data: mmap.mmap) -> bool:
    """Return whether addresses take 8 bytes and count from the beginning of the file."""
    if data[:8] != SIGNATURE or len(data) < 48:
        return False
    if data[8] < 2:
        base = 24 if data[8] == 0 else 28
        return data[13] == 8 and data[base : base + 8] == bytes(8)
    return data[9] == 8 and data[12:20] == bytes(8)


def _long_texts(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Yield the place of each text that is longer than `SMALL`: its heap, its number there."""
    start = data.find(b"GCOL")
    while start >= 0 and start + HEAP.size <= len(data):
        _, version, size = HEAP.unpack_from(data, start)
        stop, at = min(start + size, len(data)), start + HEAP.size
        while version == 1 and at + ENTRY.size <= stop:
            number, _, length = ENTRY.unpack_from(data, at)
            if number and length > SMALL:
                yield start, number
            if number == 0:  # what is free, to the end of the heap
                break
            at += ENTRY.size + (length + 7) // 8 * 8
        start = data.find(b"GCOL", start + 4)
