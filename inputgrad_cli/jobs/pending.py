"""The files that are being written: a run that was killed before its journal line knows its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Set
from pathlib import Path
from threading import Lock

from inputgrad_cli.jobs.shards import tags_in
from inputgrad_cli.jobs.store import write_whole

NAMES = (".pending", "")


class Pending:
    """Names of files in `out`, one a NUL; added before they are written, gone with their lines."""

    def __init__(self, out: Path, tag: str) -> None:
        self._out, self._path = out, out / tag.join(NAMES)
        self._live: set[str] = set()
        self._lock = Lock()  # maps are written in several threads

    def left(self) -> set[str]:
        """Return what runs that were killed had begun, the other shares' included."""
        found: set[str] = set()
        for tag in tags_in(self._out, *NAMES):
            path = self._out / tag.join(NAMES)
            *names, _ = path.read_bytes().split(b"\0")
            begun = {os.fsdecode(name) for name in names}
            found |= begun
            if path == self._path:
                self._live |= begun
        return found

    def forget(self, names: Set[str]) -> None:
        """Drop files that are as lines tell; the note itself is written by the next `clear`."""
        self._live -= names

    def add(self, names: Iterable[str]) -> None:
        """Note files that are written next. A kill leaves the note, and that is what it is for."""
        new = set(names)
        with self._lock:
            self._live |= new
            with open(self._path, "ab") as file:
                file.write(_written(new))

    def clear(self, names: Iterable[str]) -> None:
        """Forget files that the journal knows now."""
        with self._lock:
            self._live.difference_update(names)
            if self._live:
                write_whole(self._path, _written(self._live))
            else:
                self._path.unlink(missing_ok=True)


def _written(names: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(name) + b"\0" for name in names)
