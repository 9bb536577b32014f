"""Writes files atomically, so that each is either complete or absent, inside one directory."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO

from inputgrad_cli.errors import ItemError, StorageError
from inputgrad_cli.storage.shard_file_names import TAG_PATTERN

TEMPORARY_PREFIX = ".ig"
TEMPORARY_PATTERN = re.compile(re.escape(TEMPORARY_PREFIX) + TAG_PATTERN + r"-.*\.tmp", re.S)
_COUNTER = itertools.count()
# Processes of several machines may write into one directory, and share a PID.
_PROCESS_MARK = secrets.token_hex(3)
Bytes = bytes | memoryview
WriteFunction = Callable[[IO[bytes]], None]  # writes data that is too large for memory to a file


def write_atomically(path: Path | str, data: Bytes | WriteFunction, tag: str = "") -> None:
    """Write `data` to a temporary file, then rename that to `path`; StorageError."""
    # The counter makes the name unique, because threads write at once and long names are cut.
    unique = f"{os.getpid()}-{_PROCESS_MARK}-{next(_COUNTER)}"
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f"{TEMPORARY_PREFIX}{tag}-{unique}-{name[-40:]}.tmp")
    try:
        with open(_create_file(temporary), "wb") as file:
            data(file) if callable(data) else file.write(data)
            file.flush()
            # Renamed before its content is on disk, a file could be empty after a power failure.
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        hint = "free some space or choose another --out"
        raise build_write_error(path, error, hint=hint) from None
    except BaseException:  # raised by `data`, for example because its source became unreadable
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def build_write_error(subject: Path | str, error: OSError, *, hint: str) -> StorageError:
    """Return the StorageError for a file or directory that the system cannot write."""
    reason = str(error.strerror or error)
    return StorageError(f"{subject}: cannot be written", reason=reason, hint=hint)


def build_journal_error(path: Path, error: OSError) -> StorageError:
    """Return the error of a run whose journal, or list of pending files, cannot be written."""
    return build_write_error(path, error, hint="free some space; what was done is kept")


def to_prefix(out: Path) -> str:
    """Return the string that turns the name of a file in `out` into its path.

    Joining with `Path` takes ten times as long.
    """
    folder = str(out)
    return "" if folder == "." else folder.rstrip("/") + "/"


def _create_file(path: str) -> int:
    """Create a file, and its directory if that is missing, and return the file descriptor."""
    # O_NOFOLLOW: a link with this name could lead out of the directory.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        # The mode is that of open(), from which the user's umask takes its part.
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        # Made only where it is missing, because nearly every file finds its directory there.
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)


def sync_folder(folder: Path) -> None:
    """Flush a directory to disk, so that the names in it are as durable as the files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refuse_links(out: Path, name: str) -> None:
    """Raise ItemError if a directory between `out` and the file `name` is a symbolic link."""
    while name := os.path.dirname(name):
        folder = to_prefix(out) + name
        if os.path.islink(folder):
            raise ItemError(
                f"{folder}: is a link, and may lead out of --out",
                hint="remove it, or choose another --out",
                kind="exists",
            )


def is_case_insensitive(out: Path) -> bool:
    """Return whether a.png and A.png are the same file in the file system of `out`."""
    folder = Path(os.path.abspath(out))
    # A directory that does not exist yet will be in the file system of its nearest parent.
    while not folder.exists():
        folder = folder.parent
    swapped = folder.with_name(folder.name.swapcase())
    # A case-sensitive file system may hold both names, as two directories.
    return swapped.name != folder.name and swapped.exists() and swapped.samefile(folder)
