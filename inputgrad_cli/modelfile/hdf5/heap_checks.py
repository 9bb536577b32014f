"""Checks the heaps of an HDF5 file, which hold its texts, before the HDF5 library walks them.

HDF5 1.14 steps from one text to the next by the size that is stored there, so a size of zero makes
it loop for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from inputgrad_cli.errors import ModelError

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"  # the first bytes of every HDF5 file
HEAP_SIGNATURE = b"GCOL"
HEAP = struct.Struct("<4sB3xQ")  # signature, version, bytes of the heap
ENTRY = struct.Struct("<HH4xQ")  # index, number of references, bytes of the text
BLOCK_BYTES = 1 << 18  # searched at once; more does not fit in a cache and takes twice as long


def refuse_endless_heaps(stream: IO[bytes], path: Path) -> None:
    """Raise ModelError unless the texts of each heap follow one another up to its end."""
    length, walked = stream.seek(0, 2), 0
    for start in _find_heaps(stream):
        stream.seek(start)
        head = stream.read(HEAP.size)
        if len(head) < HEAP.size:
            return
        _, version, size = HEAP.unpack(head)
        if version != 1:  # the four letters of the signature occurred in other data
            continue
        walked += size
        # The header of a heap takes 16 of its bytes.
        if start + size > length or walked > 2 * length or not _is_complete(stream.read(size - 16)):
            raise ModelError(
                f"{path}: the weights are damaged",
                reason="a heap of texts inside does not end where it should",
                hint="copy or save the file again",
            )


def _find_heaps(stream: IO[bytes]) -> Iterator[int]:
    """Yield the position of each heap signature in bytes."""
    start, tail = 0, b""
    while True:
        stream.seek(start)
        data = stream.read(BLOCK_BYTES)
        if not data:
            return
        window = tail + data
        position = window.find(HEAP_SIGNATURE)
        while position >= 0:
            yield start - len(tail) + position
            position = window.find(HEAP_SIGNATURE, position + 1)
        start, tail = start + len(data), window[-3:]  # a signature of 4 bytes may be cut in two


def _is_complete(data: bytes) -> bool:
    position = 0
    while position + ENTRY.size <= len(data):
        index, _, length = ENTRY.unpack_from(data, position)
        # Texts are padded to 8 bytes; index 0 is free space, whose size includes its header.
        needed = ENTRY.size + (length + 7) // 8 * 8 if index else length
        if needed < ENTRY.size or position + needed > len(data):
            return False
        position += needed
    return True
