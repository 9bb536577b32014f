"""What a worker notes for the one that goes on should it die: lines in the call's directory."""

from __future__ import annotations

import itertools
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from inputgrad_cli.supervision.temporary_folder import SCRATCH
from inputgrad_cli.supervision.worker import WORKER

KEPT = {"--from-file", "--config"}  # options whose files are read by `read_once`
LINES, ONCE = ".notes", ".once-"


class Notes:
    """The lines of all workers of this call so far; without a directory there are none."""

    def __init__(self) -> None:
        self._handle: int | None = None
        self.earlier: list[bytes] = []
        if SCRATCH.folder is None or WORKER.page is None:
            return
        path = SCRATCH.folder / LINES
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            # A line that a death cut short was not told either.
            data = path.read_bytes() if path.exists() else b""
            self.earlier = data.split(b"\n")[:-1]
            self._handle = os.open(path, flags, 0o600)
            os.truncate(path, data.rfind(b"\n") + 1)
        except OSError:
            return
        WORKER.page.resumable = not any(_is_read_once(word) for word in _named(sys.argv))

    def add(self, line: bytes) -> None:
        """Note a line; where that fails, nobody is to go on after this worker."""
        if self._handle is None or WORKER.page is None:
            return
        try:
            if os.write(self._handle, line + b"\n") <= len(line):
                raise OSError
        except OSError:
            WORKER.page.resumable = False
            self._handle = None


def read_once(name: str, read: Callable[[], bytes]) -> bytes:
    """Return what `read` gave the first worker that asked; a pipe cannot be read a second time."""
    if SCRATCH.folder is None or WORKER.page is None:
        return read()
    path = SCRATCH.folder / (ONCE + name)
    if WORKER.earlier.workers and path.exists():
        return path.read_bytes()
    data = read()
    _save(path, data)
    return data


def _named(words: Sequence[str]) -> Iterator[str]:
    """Yield what may be a path in a command line, without those that are kept."""
    for before, word in itertools.pairwise(words):
        if KEPT.isdisjoint((before, word.partition("=")[0])):
            yield from {word, word.rpartition("=")[2]}


def _is_read_once(path: str) -> bool:
    """Return whether nobody could read a file again: a pipe, as `<(...)` gives one."""
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
