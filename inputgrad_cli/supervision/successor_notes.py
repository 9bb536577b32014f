"""Notes of a worker for its successor, if it dies: lines in the temporary folder of the call."""

from __future__ import annotations

import itertools
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from inputgrad_cli.supervision.temporary_folder import TEMPORARY_FOLDER
from inputgrad_cli.supervision.worker_state_reporting import WORKER

STORED_OPTIONS = {"--from-file", "--config"}  # options whose files are read with `read_once`
NOTES_NAME, ONCE_PREFIX = ".notes", ".once-"


class CallNotes:
    """The lines that all workers of this call have noted; none without a temporary folder."""

    def __init__(self) -> None:
        self._handle: int | None = None
        self.earlier_lines: list[bytes] = []
        if TEMPORARY_FOLDER.folder is None or WORKER.page is None:
            return
        path = TEMPORARY_FOLDER.folder / NOTES_NAME
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            # An incomplete last line is dropped: its event was not reported either.
            data = path.read_bytes() if path.exists() else b""
            self.earlier_lines = data.split(b"\n")[:-1]
            self._handle = os.open(path, flags, 0o600)
            os.truncate(path, data.rfind(b"\n") + 1)
        except OSError:
            return
        WORKER.page.resumable = not any(
            _is_read_once(word) for word in _yield_possible_paths(sys.argv)
        )

    def add(self, line: bytes) -> None:
        """Append a line; if that fails, no other worker can continue after this one."""
        if self._handle is None or WORKER.page is None:
            return
        try:
            if os.write(self._handle, line + b"\n") <= len(line):
                raise OSError
        except OSError:
            WORKER.page.resumable = False
            self._handle = None


def read_once(name: str, read: Callable[[], bytes]) -> bytes:
    """Return what `read` returned in the first worker, because a pipe cannot be read twice."""
    if TEMPORARY_FOLDER.folder is None or WORKER.page is None:
        return read()
    path = TEMPORARY_FOLDER.folder / (ONCE_PREFIX + name)
    if WORKER.earlier.worker_count and path.exists():
        return path.read_bytes()
    data = read()
    _save(path, data)
    return data


def _yield_possible_paths(words: Sequence[str]) -> Iterator[str]:
    """Yield the words of a command line that may be paths, except those of stored options."""
    for before, word in itertools.pairwise(words):
        if STORED_OPTIONS.isdisjoint((before, word.partition("=")[0])):
            yield from {word, word.rpartition("=")[2]}


def _is_read_once(path: str) -> bool:
    """Return whether a file can be read only once: a pipe such as `<(...)`, socket or device."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)


def _save(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError:
        path.unlink(missing_ok=True)
