"""The heaps of an HDF5 file, where its texts stand, walked before HDF5 walks them.

HDF5 1.14 steps from one text to the next by the size that stands there: by a size of zero it never
arrives.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from inputgrad_cli.errors import ModelError

SIGNATURE = b"GCOL"
HEAP = struct.Struct("<4sB3xQ")
ENTRY = struct.Struct("<HH4xQ")
BLOCK = 8 << 20


def refuse_endless_heaps(stream: IO[bytes], path: Path) -> None:
    """Raise ModelError where the texts in a heap do not stand one behind the other to its end."""
    length, walked = stream.seek(0, 2), 0
    for start in _starts(stream):
        stream.seek(start)
        head = stream.read(HEAP.size)
        if len(head) < HEAP.size:
            return
        _, version, size = HEAP.unpack(head)
        if version != 1:
            continue
        walked += size
        if start + size > length or walked > 2 * length or not _is_whole(stream.read(size - 16)):
            raise ModelError(
                f"{path}: the weights are damaged",
                reason="a heap of texts inside does not end where it should",
                mend="copy or save the file again",
            )


def _starts(stream: IO[bytes]) -> Iterator[int]:
    """Yield where the signature of a heap stands."""
    start, tail = 0, b""
    while True:
        stream.seek(start)
        data = stream.read(BLOCK)
        if not data:
            return
        whole = tail + data
        at = whole.find(SIGNATURE)
        while at >= 0:
            yield start - len(tail) + at
            at = whole.find(SIGNATURE, at + 1)
        start, tail = start + len(data), whole[-3:]


def _is_whole(data: bytes) -> bool:
    at = 0
    while at + ENTRY.size <= len(data):
        number, _, length = ENTRY.unpack_from(data, at)
        needed = ENTRY.size + (length + 7) // 8 * 8 if number else length
        if needed < ENTRY.size or at + needed > len(data):
            return False
        at += needed
    return True
