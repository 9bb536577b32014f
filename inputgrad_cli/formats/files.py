"""Bytes of a file, each file read once: what is hashed is what is decoded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inputgrad_cli.errors import ItemError
from inputgrad_cli.machine.memory import MEND, room
from inputgrad_cli.machine.missing_files import mend_missing, typed

MOST_BYTES = 4 << 30


def read_bytes(path: Path) -> bytes:
    """Return the content of a regular file; ItemError (kind `unreadable`) otherwise."""
    refuse_large(path, size_of(path))
    try:
        return path.read_bytes()
    except MemoryError:
        raise too_large(path) from None
    except OSError as error:
        raise unreadable(path, error) from None


def size_of(path: Path) -> int:
    """Return the bytes of a regular file; ItemError (kind `unreadable`) otherwise."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise unreadable(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise ItemError(f"{path}: not a regular file", kind="unreadable")
    return found.st_size


def refuse_large(path: Path, size: int) -> None:
    """Raise ItemError where a file has more bytes than are ever held at once."""
    if size > MOST_BYTES:
        raise ItemError(f"{path}: larger than {MOST_BYTES >> 30} GiB", kind="unreadable")
    left = room()
    if size > left.size:
        raise too_large(path, f"it has {size:,} bytes, {left.size:,} are left of {left.words}")


def too_large(path: Path | str, reason: str = "") -> ItemError:
    """Return the error of a file that memory has no room for."""
    return ItemError(f"{path}: does not fit into memory", reason=reason, mend=MEND, kind="memory")


def unreadable(path: Path, error: OSError) -> ItemError:
    """Return the error of a file that the system does not give."""
    absent = isinstance(error, FileNotFoundError)
    mend = mend_missing(path, "") if absent else ""
    what = f"{typed(path)}: cannot be read"
    return ItemError(what, reason=str(error.strerror), mend=mend, kind="unreadable")


def reason_of(error: ItemError | UnicodeDecodeError, path: Path) -> str:
    """Return why a file cannot be used, for a sentence that names the file itself."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return error.sentence().removeprefix(f"{typed(path)}: ").removeprefix("cannot be read; ")


def encoding_of(start: bytes) -> str:
    """Return the encoding of a text by its first bytes: UTF-16 where a mark says so, else UTF-8."""
    return "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def text_of(data: bytes, where: str, what: str) -> str:
    """Return UTF-8 text, a byte order mark left out; ItemError says that it is not `what`."""
    try:
        return data.decode(encoding_of(data))
    except UnicodeDecodeError:
        raise no_text(where, what) from None


def no_text(where: str, what: str) -> ItemError:
    """Return the error of bytes that are not `what`."""
    return ItemError(f"{where}: not {what}", mend="save it as UTF-8", kind="unreadable")
