"""The zip file around a model: its members, checked before anything reads them."""

from __future__ import annotations

import io
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from inputgrad_cli.errors import ModelError

BLOCK = 1 << 20  # bytes copied at once
MOST_DIRECTORY = 8 << 20  # bytes of the list of members, which is held whole
BROKEN = (
    EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
AGAIN = "copy or save the file again"


def sniff(path: Path) -> None:
    """Raise ModelError where the bytes of `path` are not those of a zip archive."""
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise ModelError(f"{path}: the file is empty", mend=AGAIN)
    if head == b"\x89HDF\r\n\x1a\n":
        raise ModelError(
            f"{path}: an HDF5 file under the name .keras", mend="rename it to end in .h5"
        )
    if not zipfile.is_zipfile(path):
        what = "the archive is cut short" if head[:2] == b"PK" else "not a .keras archive"
        raise ModelError(f"{path}: {what}", mend=AGAIN)


class _Bounded(io.FileIO):
    """A file that gives no more than `MOST_DIRECTORY` bytes at once.

    Python reads the list of members in one piece, as long as the archive says it is.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the bytes asked for; zipfile.BadZipFile where these are too many."""
        if size is not None and size > MOST_DIRECTORY:
            raise zipfile.BadZipFile(f"its list of members claims {size} bytes")
        return super().read(size)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield the archive, read with the reader that Keras uses; its faults are ModelErrors."""
    try:
        with _Bounded(path) as file:
            zipfile.ZipFile(file).close()
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, *BROKEN) as error:
        reason = str(error) or type(error).__name__
        raise ModelError(f"{path}: the archive is damaged", reason=reason, mend=AGAIN) from None


def find(archive: zipfile.ZipFile, name: str, path: Path) -> zipfile.ZipInfo:
    """Return the member called `name`; ModelError says where it stands instead."""
    try:
        return archive.getinfo(name)
    except KeyError:
        inner = [n for n in archive.namelist() if n.endswith("/" + name)]
        reason = f"it stands in a folder of the archive ({inner[0][:200]})" if inner else ""
        mend = "zip the files themselves, not their folder" if inner else ""
        raise ModelError(f"{path}: {name} is missing inside", reason=reason, mend=mend) from None


def read(archive: zipfile.ZipFile, name: str, path: Path, most: int) -> bytes:
    """Return the bytes of a member; ModelError where it is missing or has more than `most`."""
    info = find(archive, name, path)
    if info.file_size > most:
        raise ModelError(
            f"{path}: {name} inside is too large ({info.file_size} bytes, at most {most})",
            kind="unsafe",
        )
    return archive.read(info)


@contextmanager
def reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Yield a file that can be sought in, once every byte of the member has met its checksum."""
    with archive.open(info) as member:
        if info.compress_type == zipfile.ZIP_STORED:
            while member.read(BLOCK):
                pass
        else:
            with tempfile.TemporaryFile() as unpacked:
                shutil.copyfileobj(member, unpacked, BLOCK)
                yield unpacked
            return
    with open(str(archive.filename), "rb") as file:
        yield io.BufferedReader(Window(file, _start(file, info), info.file_size))


def _start(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Return where the bytes of a stored member begin, behind its local header."""
    file.seek(info.header_offset)
    header = file.read(30)
    name, extra = struct.unpack("<HH", header[26:30])
    return int(info.header_offset) + 30 + int(name) + int(extra)


class Window(io.RawIOBase):
    """A part of a file, as a file; zipfile's own member would read its way to every place."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be sought in."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Return the new place."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed: any buffer
        """Return how many bytes were read into `buffer`."""
        most = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        data = self._file.read(most)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
