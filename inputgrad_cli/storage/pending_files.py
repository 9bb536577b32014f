"""The files that are being written: a run that was killed before its journal line knows its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Set
from pathlib import Path
from threading import Lock

from inputgrad_cli.errors import UsageError
from inputgrad_cli.schema.check_types import show
from inputgrad_cli.schema.encoded_names import is_inside
from inputgrad_cli.schema.limits import MAX_PENDING
from inputgrad_cli.schema.read_records import NoRecordError, open_record, read_whole
from inputgrad_cli.storage.atomic_write import write_whole
from inputgrad_cli.storage.shards import tags_in

NAMES = (".pending", "")


class Pending:
    """Names of files in `out`, one a NUL; added before they are written, gone with their lines."""

    def __init__(self, out: Path, tag: str) -> None:
        self.name = tag.join(NAMES)
        self._out, self._path = out, out / self.name
        self._live: set[str] = set()
        self._lock = Lock()  # maps are written in several threads

    def left(self) -> set[str]:
        """Return what runs that were killed had begun, the other shares' included.

        Raises NoRecordError where a note is not one of ours.
        """
        names: set[str] = set()
        for tag in tags_in(self._out, *NAMES):
            path = self._out / tag.join(NAMES)
            begun = _read(path)
            names |= begun
            if path == self._path:
                self._live |= begun
        return names

    def forget(self, names: Set[str]) -> None:
        """Drop files that are as lines tell; the note itself is written by the next `clear`."""
        self._live -= names

    def add(self, names: Iterable[str]) -> None:
        """Note files that are written next. A kill leaves the note, and that is what it is for."""
        new = set(names)
        with self._lock:
            self._live |= new
            try:
                handle = open_record(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            except NoRecordError as error:
                raise UsageError(f"{self._path}: {error}", mend="remove it") from None
            with os.fdopen(handle, "ab") as file:
                file.write(_written(new))

    def clear(self, names: Iterable[str]) -> None:
        """Forget files that the journal knows now."""
        with self._lock:
            self._live.difference_update(names)
            if self._live:
                write_whole(self._path, _written(self._live))
            else:
                self._path.unlink(missing_ok=True)


def _read(path: Path) -> set[str]:
    *names, _ = read_whole(path, MAX_PENDING).split(b"\0")
    begun = {os.fsdecode(name) for name in names}
    if wrong := sorted(name for name in begun if not is_inside(name)):
        raise NoRecordError(f"names {show(wrong[0])}, which is no file below the run's directory")
    return begun


def _written(names: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(name) + b"\0" for name in names)
