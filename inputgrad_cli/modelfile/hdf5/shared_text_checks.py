"""Refuses HDF5 files in which many attributes share one long text of variable length.

HDF5 keeps such texts in heaps, and an attribute holds only a reference to each. HDF5 reads a text
for every reference to it, so a file can name one megabyte 4,000 times.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.hdf5.heap_checks import ENTRY, HDF5_SIGNATURE, HEAP

SHORT_TEXT_BYTES = 4096  # may be shared often, because each reference takes 16 bytes of the file
MAX_LONG_TEXTS = 64  # Keras writes one configuration of the model and one of its training


def refuse_shared_texts(path: Path) -> None:
    """Raise ModelError if a long text of an HDF5 file is referenced more than once."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not _has_plain_addresses(data):
            raise ModelError(
                f"{path}: the weights are written in an unknown way",
                hint="build the model in Python, load the weights, save it with model.save",
                kind="unsafe",
            )
        for count, (heap, index) in enumerate(_find_long_texts(data)):
            # An attribute refers to a text by the address of its heap and its index there.
            reference = struct.pack("<QI", heap, index)
            first = data.find(reference)
            if count >= MAX_LONG_TEXTS or data.find(reference, first + 1) >= 0:
                raise ModelError(
                    f"{path}: a long text inside is named more than once",
                    reason="it would be read again for each name",
                    kind="unsafe",
                )


def _has_plain_addresses(data: mmap.mmap) -> bool:
    """Return whether addresses take 8 bytes and count from the beginning of the file."""
    if data[: len(HDF5_SIGNATURE)] != HDF5_SIGNATURE or len(data) < 48:
        return False
    # Byte 8 is the version of the superblock, which decides where its fields are.
    if data[8] < 2:
        base = 24 if data[8] == 0 else 28
        return data[13] == 8 and data[base : base + 8] == bytes(8)
    return data[9] == 8 and data[12:20] == bytes(8)


def _find_long_texts(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Yield heap position and index of each text that is longer than `SHORT_TEXT_BYTES`."""
    start = data.find(b"GCOL")
    while start >= 0 and start + HEAP.size <= len(data):
        _, version, size = HEAP.unpack_from(data, start)
        stop, position = min(start + size, len(data)), start + HEAP.size
        while version == 1 and position + ENTRY.size <= stop:
            index, _, length = ENTRY.unpack_from(data, position)
            if index and length > SHORT_TEXT_BYTES:
                yield start, index
            if index == 0:  # index 0 is the free space up to the end of the heap
                break
            position += ENTRY.size + (length + 7) // 8 * 8  # texts are padded to 8 bytes
        start = data.find(b"GCOL", start + 4)
