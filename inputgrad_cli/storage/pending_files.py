"""Lists the files that are being written, so that the next run recognizes them after a kill."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from inputgrad_cli.errors import UsageError
from inputgrad_cli.schema.field_constraints import format_value
from inputgrad_cli.schema.file_names_in_json import is_inside
from inputgrad_cli.schema.record_limits import MAX_PENDING_BYTES
from inputgrad_cli.schema.safe_record_reading import (
    InvalidRecordError,
    open_record,
    read_record_bytes,
)
from inputgrad_cli.storage.atomic_write import build_journal_error, write_atomically
from inputgrad_cli.storage.shard_file_names import JOURNAL_FILE, RecordFile

PENDING_FILE = RecordFile(".pending")


@dataclass(frozen=True)
class PendingFiles:
    """The names of files in `out` that have no journal line yet, each ended by a NUL byte on disk.

    A name is added before its file is written, and removed with the journal line of its map. The
    list exists only on disk, and is locked while it changes; any thread or process may add names.
    """

    out: Path
    tag: str

    @property
    def name(self) -> str:
        """Return the name of the list in the run's directory."""
        return PENDING_FILE.get_name(self.tag)

    def read_all(self) -> set[str]:
        """Return the files that killed runs had begun, including those of other shards.

        Raises InvalidRecordError if a list was not written by inputgrad.
        """
        names: set[str] = set()
        for tag in PENDING_FILE.list_tags(self.out):
            names |= _read_names(self.out / PENDING_FILE.get_name(tag))
        return names

    def add(self, names: Iterable[str]) -> None:
        """Append the names of files that are written next; StorageError."""
        with self._as_storage_error(), self._open_locked(os.O_CREAT) as file:
            _remove_torn_name(file)
            file.write(_encode_names(names))

    def remove(self, names: Iterable[str]) -> None:
        """Remove the names of files that are not pending any more; StorageError."""
        path, removed = self.out / self.name, {os.fsencode(name) for name in names}
        with (
            self._as_storage_error(),
            contextlib.suppress(FileNotFoundError),  # there is no list
            self._open_locked() as file,
        ):
            *listed, _ = file.read().split(b"\0")
            if remaining := [name for name in listed if name not in removed]:
                write_atomically(path, b"".join(name + b"\0" for name in remaining))
            else:
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _open_locked(self, flags: int = 0) -> Iterator[IO[bytes]]:
        """Open the list to read and to append; nobody else changes it meanwhile. Raises OSError."""
        path = self.out / self.name
        is_open = False
        while not is_open:
            with os.fdopen(open_record(path, os.O_RDWR | os.O_APPEND | flags), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Whoever held the lock before may have replaced the list, or removed it.
                if is_open := _is_file_at(path, file):
                    yield file

    @contextlib.contextmanager
    def _as_storage_error(self) -> Iterator[None]:
        try:
            yield
        except InvalidRecordError as error:
            raise UsageError(f"{self.out / self.name}: {error}", hint="remove it") from None
        except OSError as error:
            raise build_journal_error(self.out / JOURNAL_FILE.get_name(self.tag), error) from None


def _is_file_at(path: Path, file: IO[bytes]) -> bool:
    """Return whether `path` still is the name of this open file."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _remove_torn_name(file: IO[bytes]) -> None:
    """Remove the end of a list whose last name was cut short by a kill or a full disk."""
    if (end := file.seek(0, os.SEEK_END)) == 0:
        return
    file.seek(end - 1)
    if file.read(1) != b"\0":
        file.seek(0)
        os.ftruncate(file.fileno(), file.read().rfind(b"\0") + 1)


def _read_names(path: Path) -> set[str]:
    *names, _ = read_record_bytes(path, MAX_PENDING_BYTES).split(b"\0")
    pending = {os.fsdecode(name) for name in names}
    if outside := sorted(name for name in pending if not is_inside(name)):
        raise InvalidRecordError(
            f"names {format_value(outside[0])}, which is no file below the run's directory"
        )
    return pending


def _encode_names(names: Iterable[str]) -> bytes:
    # No path contains NUL, while any may contain a newline.
    return b"".join(os.fsencode(name) + b"\0" for name in names)
