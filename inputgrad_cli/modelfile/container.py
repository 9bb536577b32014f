"""The zip file around a model: its members, checked before anything reads them."""

from __future__ import annotations

import io
import lzma
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

MOST_RATIO = 100
SMALL = 1 << 20  # below it, any ratio is harmless
KNOWN_PACKING = {
    zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA,
}  # fmt: skip
MOST_MEMBERS = 10_000
BROKEN = (
    EOFError, OSError, ValueError, NotImplementedError, struct.error, zlib.error, lzma.LZMAError,
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


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield the archive, read with the reader that Keras uses; its faults are ModelErrors."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise ModelError(f"{path}: the archive is damaged", reason=str(error), mend=AGAIN) from None
    except BROKEN as error:
        reason = str(error) or type(error).__name__
        raise ModelError(f"{path}: the archive is damaged", reason=reason, mend=AGAIN) from None


def check_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise ModelError for what no honest archive of a model holds."""
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise ModelError(f"{path}: the archive has {len(members)} members", kind="unsafe")
    seen: set[str] = set()
    for info in members:
        if info.filename in seen:
            raise ModelError(
                f"{path}: {info.filename} stands in the archive twice",
                reason="two readers could see two models",
                kind="unsafe",
            )
        seen.add(info.filename)
        _check_member(info, path)


def _check_member(info: zipfile.ZipInfo, path: Path) -> None:
    name = info.filename
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        raise ModelError(f"{path}: {name} would be written outside the archive", kind="unsafe")
    if info.flag_bits & 1:
        raise ModelError(f"{path}: {name} inside is encrypted", mend="save the model without it")
    if info.compress_type not in KNOWN_PACKING:
        raise ModelError(
            f"{path}: {name} inside is packed in an unknown way",
            reason=f"compression method {info.compress_type}",
            mend="zip it without compression",
        )
    if info.file_size > max(SMALL, MOST_RATIO * info.compress_size):
        raise ModelError(
            f"{path}: {name} inside would unpack to {info.file_size} bytes",
            reason=f"the file holds {info.compress_size} for it",
            kind="unsafe",
        )


def find(archive: zipfile.ZipFile, name: str, path: Path) -> zipfile.ZipInfo:
    """Return the member called `name`; ModelError says where it stands instead."""
    try:
        return archive.getinfo(name)
    except KeyError:
        inner = [n for n in archive.namelist() if n.endswith("/" + name)]
        reason = f"it stands in a folder of the archive ({inner[0]})" if inner else ""
        mend = "zip the files themselves, not their folder" if inner else ""
        raise ModelError(f"{path}: {name} is missing inside", reason=reason, mend=mend) from None


@contextmanager
def reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Yield a file that can be sought in, once every byte of the member has met its checksum."""
    with archive.open(info) as member:
        if info.compress_type == zipfile.ZIP_STORED:
            while member.read(SMALL):
                pass
        else:
            with tempfile.TemporaryFile() as unpacked:
                shutil.copyfileobj(member, unpacked, SMALL)
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
