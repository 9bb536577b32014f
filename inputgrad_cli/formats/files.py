"""Bytes of a file, each file read once: what is hashed is what is decoded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inputgrad_cli.errors import ItemError

MOST_BYTES = 4 << 30


def read_bytes(path: Path) -> bytes:
    """Return the content of a regular file; ItemError (kind `unreadable`) otherwise."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise ItemError(f"{path}: not a regular file", kind="unreadable")
        if found.st_size > MOST_BYTES:
            raise ItemError(f"{path}: larger than {MOST_BYTES >> 30} GiB", kind="unreadable")
        return path.read_bytes()
    except OSError as error:
        raise ItemError(
            f"{path}: cannot be read", reason=str(error.strerror), kind="unreadable"
        ) from None


def text_of(data: bytes, where: str, what: str) -> str:
    """Return UTF-8 text, a byte order mark left out; ItemError says that it is not `what`."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ItemError(
            f"{where}: not {what}", mend="save it as UTF-8", kind="unreadable"
        ) from None
