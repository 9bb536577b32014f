"""Large files, read block by block: what is read later is what was hashed at first."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.files import read_bytes, refuse_large, size_of, unreadable
from inputgrad_cli.numeric.lazy_array import BLOCK

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGE = 64 << 20  # bytes; smaller files are held whole, which is quicker


class Blocks:
    """A file that was gone through once, for its `size` and `sha256`; it is not held in memory.

    Raises ItemError (kinds `unreadable`, and `changed` where it is not any more what it was).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._last: tuple[int, bytes] = (-1, b"")
        self._marks: list[bytes] = []
        whole = hashlib.sha256()
        size_of(path)  # a pipe would never end
        try:
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    whole.update(block)
                    self._marks.append(hashlib.sha256(block).digest())
                    self.size += len(block)
        except OSError as error:
            raise unreadable(path, error) from None
        self.sha256 = whole.hexdigest()

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes of a range, as they were when the file was hashed."""
        numbers = range(start // BLOCK, -(-min(stop, self.size) // BLOCK))
        data = b"".join([self._block(number) for number in numbers])
        offset = numbers.start * BLOCK
        return data[start - offset : stop - offset]

    def __iter__(self) -> Iterator[bytes]:
        return (self._block(number) for number in range(len(self._marks)))

    def pour(self, file: IO[bytes]) -> None:
        """Write all bytes into another file."""
        file.writelines(self)

    def whole(self) -> bytes:
        """Return all bytes, for what cannot be read in parts; ItemError where they are too many."""
        refuse_large(self.path, self.size)
        return b"".join(self)

    def _block(self, number: int) -> bytes:
        known, block = self._last  # one object: threads may read at once
        if known == number:
            return block
        try:
            with self.path.open("rb") as file:
                file.seek(number * BLOCK)
                block = file.read(BLOCK)
        except OSError as error:
            raise unreadable(self.path, error) from None
        if hashlib.sha256(block).digest() != self._marks[number]:
            raise ItemError(
                f"{self.path}: changed while it was read",
                mend="run the same command again when nothing writes to it",
                kind="changed",
            )
        self._last = number, block
        return block


class _Raw(io.RawIOBase):
    """The blocks of a file as Python reads files."""

    def __init__(self, data: Blocks) -> None:
        self._data, self._at = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._data.size)[whence]
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer)
        found = self._data.read(self._at, self._at + len(room))
        room[: len(found)] = found
        self._at += len(found)
        return len(found)


def file_of(data: bytes | Blocks) -> IO[bytes]:
    """Return a file's content as an open file."""
    return io.BufferedReader(_Raw(data)) if isinstance(data, Blocks) else io.BytesIO(data)


def content(path: Path, streamed: bool) -> bytes | Blocks:
    """Return the content of a file; blocks where it is large, and of a kind that is `streamed`."""
    return Blocks(path) if streamed and size_of(path) > LARGE else read_bytes(path)


def hash_of(data: bytes | Blocks) -> str:
    """Return the SHA-256 of a file's content."""
    return data.sha256 if isinstance(data, Blocks) else hashlib.sha256(data).hexdigest()


def whole(data: bytes | Blocks) -> bytes:
    """Return all bytes of a file."""
    return data.whole() if isinstance(data, Blocks) else data
