"""Checks whether the files of the maps that earlier runs have written are complete."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.journal_line import FileRecord, JournalLine
from inputgrad_cli.storage.map_file_names import is_picture
from inputgrad_cli.storage.safe_run_paths import find_file


@dataclass(frozen=True)
class WrittenFiles:
    """The files in `out` that earlier runs have written.

    A killed run may have replaced those in `unverified_names`. With `reuse=False` no map counts as
    complete, so that all are computed again.
    """

    out: Path
    reuse: bool
    unverified_names: Set[str]

    def is_complete(self, line: JournalLine, fingerprint: str) -> bool:
        """Return whether a map has this fingerprint, and its array files are complete.

        Pictures may be missing, because they can be drawn again.
        """
        if not self.reuse or line["status"] != "ok" or line.get("fingerprint") != fingerprint:
            return False
        if line.get("bad"):  # files that `verify` found to be missing or changed
            return False
        return all(self._has_file(file) for file in line["files"] if not _is_picture(file))

    def has_pictures(self, line: JournalLine) -> bool:
        """Return whether all pictures of a map exist and are complete."""
        return all(self._has_file(file) for file in line["files"] if _is_picture(file))

    def _has_file(self, file: FileRecord) -> bool:
        name = decode_name(file, "path")
        status = find_file(self.out, name)
        if status is None or name in self.unverified_names:
            return False
        # Hashing every file would make a resumed run as slow as `verify`, which compares content.
        return status.st_size == file["size"]


def _is_picture(file: FileRecord) -> bool:
    return is_picture(decode_name(file, "path"))
