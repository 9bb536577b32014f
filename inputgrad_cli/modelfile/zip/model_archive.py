"""Opens the zip file around a model and reads its members."""

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
from inputgrad_cli.modelfile.hdf5.heap_checks import HDF5_SIGNATURE

BLOCK_BYTES = 1 << 20  # copied at once
MAX_DIRECTORY_BYTES = 8 << 20  # of the list of members, which Python holds in memory
ARCHIVE_ERRORS = (
    EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
COPY_AGAIN = "copy or save the file again"


def check_signature(path: Path) -> None:
    """Raise ModelError if `path` does not begin and end as a zip archive."""
    with path.open("rb") as file:
        head = file.read(len(HDF5_SIGNATURE))
    if not head:
        raise ModelError(f"{path}: the file is empty", hint=COPY_AGAIN)
    if head == HDF5_SIGNATURE:
        raise ModelError(
            f"{path}: an HDF5 file under the name .keras", hint="rename it to end in .h5"
        )
    if not zipfile.is_zipfile(path):
        message = "the archive is cut short" if head[:2] == b"PK" else "not a .keras archive"
        raise ModelError(f"{path}: {message}", hint=COPY_AGAIN)


class _BoundedFile(io.FileIO):
    """A file that returns at most `MAX_DIRECTORY_BYTES` bytes per read.

    Python reads the list of members in one piece, whose size the archive claims.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Return `size` bytes; zipfile.BadZipFile if they are too many."""
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"its list of members claims {size} bytes")
        return super().read(size)


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield the archive, opened by the reader that Keras uses; ModelError if it is damaged."""
    try:
        with _BoundedFile(path) as file:
            zipfile.ZipFile(file).close()  # fails if the list of members is too large
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, *ARCHIVE_ERRORS) as error:
        reason = str(error) or type(error).__name__
        raise ModelError(
            f"{path}: the archive is damaged", reason=reason, hint=COPY_AGAIN
        ) from None


def find_member(archive: zipfile.ZipFile, name: str, path: Path) -> zipfile.ZipInfo:
    """Return the member called `name`; ModelError if it is missing or in another folder."""
    try:
        return archive.getinfo(name)
    except KeyError:
        inner = [n for n in archive.namelist() if n.endswith("/" + name)]
        reason = f"it is in a folder of the archive ({inner[0][:200]})" if inner else ""
        hint = "zip the files themselves, not their folder" if inner else ""
        raise ModelError(f"{path}: {name} is missing inside", reason=reason, hint=hint) from None


def read_member(archive: zipfile.ZipFile, name: str, path: Path, limit: int) -> bytes:
    """Return the bytes of a member; ModelError if it is missing or larger than `limit` bytes."""
    info = find_member(archive, name, path)
    if info.file_size > limit:
        raise ModelError(
            f"{path}: {name} inside is too large ({info.file_size} bytes, at most {limit})",
            kind="unsafe",
        )
    return archive.read(info)


@contextmanager
def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Yield a seekable file of the member, after all its bytes matched their checksum."""
    with archive.open(info) as member:
        if info.compress_type == zipfile.ZIP_STORED:
            while member.read(BLOCK_BYTES):  # reading to the end checks the checksum
                pass
        else:
            with tempfile.TemporaryFile() as unpacked:
                shutil.copyfileobj(member, unpacked, BLOCK_BYTES)
                yield unpacked
            return
    with open(str(archive.filename), "rb") as file:
        yield io.BufferedReader(FileSlice(file, _find_start(file, info), info.file_size))


def _find_start(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Return where the bytes of a stored member begin, after its local header of 30 bytes."""
    file.seek(info.header_offset)
    header = file.read(30)  # it ends with the lengths of the name and of the extra field
    name, extra = struct.unpack("<HH", header[26:30])
    return int(info.header_offset) + 30 + int(name) + int(extra)


class FileSlice(io.RawIOBase):
    """A part of a file, as a file; a zipfile member would read all bytes up to each position."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed: any buffer
        """Read bytes into `buffer` and return how many."""
        limit = max(0, min(len(buffer), self._size - self._position))
        self._file.seek(self._start + self._position)
        data = self._file.read(limit)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
