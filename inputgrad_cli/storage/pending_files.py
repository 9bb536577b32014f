"""Lists the files that are being written, so that the next run recognizes them after a kill."""

from __future__ import annotations

import os
from collections.abc import Iterable, Set
from pathlib import Path
from threading import Lock

from inputgrad_cli.errors import UsageError
from inputgrad_cli.schema.check_types import format_value
from inputgrad_cli.schema.encoded_names import is_inside
from inputgrad_cli.schema.limits import MAX_PENDING_BYTES
from inputgrad_cli.schema.read_records import InvalidRecordError, open_record, read_record_bytes
from inputgrad_cli.storage.atomic_write import write_atomically
from inputgrad_cli.storage.shards import RecordFile

PENDING_FILE = RecordFile(".pending")


class PendingFiles:
    """The names of files in `out` that have no journal line yet, each ended by a NUL byte on disk.

    A name is added before its file is written, and removed with the journal line of its map.
    """

    def __init__(self, out: Path, tag: str) -> None:
        self.name = PENDING_FILE.get_name(tag)
        self._out, self._path = out, out / self.name
        self._live: set[str] = set()
        self._lock = Lock()  # maps are written in several threads

    def read_all(self) -> set[str]:
        """Return the files that killed runs had begun, including those of other shards.

        Raises InvalidRecordError if a list was not written by inputgrad.
        """
        names: set[str] = set()
        for tag in PENDING_FILE.list_tags(self._out):
            path = self._out / PENDING_FILE.get_name(tag)
            pending = _read_names(path)
            names |= pending
            if path == self._path:
                self._live |= pending
        return names

    def forget(self, names: Set[str]) -> None:
        """Remove names in memory only; the next `clear` writes the list."""
        self._live -= names

    def add(self, names: Iterable[str]) -> None:
        """Append the names of files that are written next."""
        new = set(names)
        with self._lock:
            self._live |= new
            try:
                handle = open_record(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            except InvalidRecordError as error:
                raise UsageError(f"{self._path}: {error}", hint="remove it") from None
            with os.fdopen(handle, "ab") as file:
                file.write(_encode_names(new))

    def clear(self, names: Iterable[str]) -> None:
        """Remove the names of files that have their journal line now, and write the list."""
        with self._lock:
            self._live.difference_update(names)
            if self._live:
                write_atomically(self._path, _encode_names(self._live))
            else:
                self._path.unlink(missing_ok=True)


def _read_names(path: Path) -> set[str]:
    *names, _ = read_record_bytes(path, MAX_PENDING_BYTES).split(b"\0")
    pending = {os.fsdecode(name) for name in names}
    if outside := sorted(name for name in pending if not is_inside(name)):
        raise InvalidRecordError(
            f"names {format_value(outside[0])}, which is no file below the run's directory"
        )
    return pending


def _encode_names(names: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(name) + b"\0" for name in names)
