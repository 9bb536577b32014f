"""Reads large files in blocks that are checked against the hashes of a first pass."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.bounded_file_reading import (
    build_read_error,
    get_file_size,
    read_bytes,
    refuse_large,
)
from inputgrad_cli.interfaces.reader import Content, LargeFile
from inputgrad_cli.numeric.lazy_array import BLOCK_BYTES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGE_BYTES = 64 << 20  # smaller files are held in memory, which is faster
NO_BLOCK = (-1, b"")  # stands for the index and the bytes of a block while none was read


class HashedFile:
    """A file that is not held in memory, with its `size` and `sha256`.

    The constructor reads it once and stores the hash of each block. Raises ItemError (kinds
    `unreadable`, and `changed` if a block differs from the first pass).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._last_block = NO_BLOCK
        self._block_hashes: list[bytes] = []
        total_hash = hashlib.sha256()
        get_file_size(path)  # refuses pipes, which would never end
        try:
            with path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    total_hash.update(block)
                    self._block_hashes.append(hashlib.sha256(block).digest())
                    self.size += len(block)
        except OSError as error:
            raise build_read_error(path, error) from None
        self.sha256 = total_hash.hexdigest()

    def __getstate__(self) -> dict[str, object]:
        """Return what is pickled: all but the block that was read last."""
        return {**self.__dict__, "_last_block": NO_BLOCK}

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to `stop`, which are those of the first pass."""
        indices = range(start // BLOCK_BYTES, -(-min(stop, self.size) // BLOCK_BYTES))
        data = b"".join([self._read_block(index) for index in indices])
        offset = indices.start * BLOCK_BYTES
        return data[start - offset : stop - offset]

    def __iter__(self) -> Iterator[bytes]:
        return (self._read_block(index) for index in range(len(self._block_hashes)))

    def copy_to(self, file: IO[bytes]) -> None:
        """Write all bytes into another file."""
        file.writelines(self)

    def read_all(self) -> bytes:
        """Return all bytes, for formats that cannot be read in parts.

        Raises ItemError if they are too many for memory.
        """
        refuse_large(self.path, self.size)
        return b"".join(self)

    def _read_block(self, index: int) -> bytes:
        # The pair is read at once, because other threads may replace it.
        last_index, block = self._last_block
        if last_index == index:
            return block
        try:
            with self.path.open("rb") as file:
                file.seek(index * BLOCK_BYTES)
                block = file.read(BLOCK_BYTES)
        except OSError as error:
            raise build_read_error(self.path, error) from None
        if hashlib.sha256(block).digest() != self._block_hashes[index]:
            raise ItemError(
                f"{self.path}: changed while it was read",
                hint="run the same command again when nothing writes to it",
                kind="changed",
            )
        self._last_block = index, block
        return block


class _HashedStream(io.RawIOBase):
    """Presents a hashed file as a raw binary stream."""

    def __init__(self, data: LargeFile) -> None:
        self._data, self._position = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._data.size)[whence]
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer)
        data = self._data.read(self._position, self._position + len(target))
        target[: len(data)] = data
        self._position += len(data)
        return len(data)


def open_content(data: Content) -> IO[bytes]:
    """Return the content of a file as a binary stream."""
    return io.BytesIO(data) if isinstance(data, bytes) else io.BufferedReader(_HashedStream(data))


def load_content(path: Path, streamed: bool) -> bytes | HashedFile:
    """Return the content of a file: a HashedFile if it is large and `streamed`, else bytes."""
    return HashedFile(path) if streamed and get_file_size(path) > LARGE_BYTES else read_bytes(path)


def hash_content(data: bytes | HashedFile) -> str:
    """Return the SHA-256 of the content of a file, in hexadecimal."""
    return data.sha256 if isinstance(data, HashedFile) else hashlib.sha256(data).hexdigest()
