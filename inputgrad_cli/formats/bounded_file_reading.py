"""Reads files into memory, once each, so that the hash is that of the decoded bytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from inputgrad_cli.errors import ItemError
from inputgrad_cli.machine.memory_size_option import MEMORY_HINT
from inputgrad_cli.machine.missing_path_suggestions import suggest_path, to_typed_path
from inputgrad_cli.machine.process_memory_limit import find_free_memory

MAX_BYTES = 4 << 30  # 4 GiB, of a file that is held in memory, and of all that it unpacks to
SMALL_BYTES = 1 << 20  # of a file; to ask for the memory that is left takes longer than to read it
FREE_BYTES = 64 << 20  # unpacked; archives of less may be compressed to any ratio


def read_bytes(path: Path) -> bytes:
    """Return the content of a regular file. Raises ItemError (kinds `unreadable`, `memory`)."""
    refuse_large(path, get_file_size(path))
    try:
        return path.read_bytes()
    except MemoryError:
        raise build_memory_error(path) from None
    except OSError as error:
        raise build_read_error(path, error) from None


def get_file_size(path: Path) -> int:
    """Return the size of a regular file in bytes. Raises ItemError (kind `unreadable`)."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise build_read_error(path, error) from None
    if not stat.S_ISREG(status.st_mode):
        raise ItemError(f"{path}: not a regular file", kind="unreadable")
    return status.st_size


def refuse_large(path: Path, size: int) -> None:
    """Raise ItemError if a file is larger than the limit or than the memory that is left."""
    if size > MAX_BYTES:
        raise ItemError(f"{path}: larger than {MAX_BYTES >> 30} GiB", kind="unreadable")
    if size <= SMALL_BYTES:
        return
    left = find_free_memory()
    if size > left.size:
        raise build_memory_error(
            path, f"it has {size:,} bytes, {left.size:,} are left of {left.source}"
        )


def build_memory_error(path: Path | str, reason: str = "") -> ItemError:
    """Return the ItemError for a file that does not fit into memory."""
    return ItemError(
        f"{path}: does not fit into memory", reason=reason, hint=MEMORY_HINT, kind="memory"
    )


def build_read_error(path: Path, error: OSError) -> ItemError:
    """Return the ItemError for a file that the operating system cannot read."""
    absent = isinstance(error, FileNotFoundError)
    hint = suggest_path(path, "") if absent else ""
    message = f"{to_typed_path(path)}: cannot be read"
    return ItemError(message, reason=str(error.strerror), hint=hint, kind="unreadable")


def format_reason(error: ItemError | UnicodeDecodeError, path: Path) -> str:
    """Return why a file cannot be used, without its path, for a message that already names it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return (
        error.format_line()
        .removeprefix(f"{to_typed_path(path)}: ")
        .removeprefix("cannot be read; ")
    )


def detect_encoding(start: bytes) -> str:
    """Return the encoding of a text: UTF-16 if `start` has its byte order mark, else UTF-8."""
    return "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def decode_text(data: bytes, where: str, expected: str) -> str:
    """Return the text without a byte order mark.

    Raises ItemError if the bytes are not `expected`, a description such as "UTF-8 text".
    """
    try:
        return data.decode(detect_encoding(data))
    except UnicodeDecodeError:
        raise build_decode_error(where, expected) from None


def build_decode_error(where: str, expected: str) -> ItemError:
    """Return the ItemError for bytes that are not `expected`."""
    return ItemError(f"{where}: not {expected}", hint="save it as UTF-8", kind="unreadable")
