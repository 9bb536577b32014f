"""Removes the files of maps that have a new line in the journal, which lists them no more.

A file is removed after the new line is written, so that at every moment what the journal lists is
there. What a kill in between leaves behind is removed by the next call that writes to the run.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from inputgrad_cli.file_hashes import compute_sha256
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.storage.atomic_write import to_prefix
from inputgrad_cli.storage.map_file_names import list_file_names
from inputgrad_cli.storage.safe_run_paths import find_file


class OutdatedFiles:
    """The files of replaced lines in the run's directory `out`, with the hashes that they had."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._digests: dict[str, str] = {}

    def note(self, earlier: JournalLine, record: Mapping[str, Any]) -> None:
        """Note the files of a line that is replaced by `record`; a failure replaces no file."""
        if "files" not in record:
            return
        kept = set(list_file_names(record))
        for file in earlier.get("files", ()):
            if (name := decode_name(file, "path")) not in kept:
                self._digests[name] = file["sha256"]

    def remove_left(self, lines: Iterable[JournalLine]) -> None:
        """Remove the noted files that are still there as they were, and that no line lists."""
        names = {name for name in self._digests if find_file(self._out, name)}
        if names:
            names.difference_update(*map(list_file_names, lines))
        self.remove(n for n in names if compute_sha256(self._out / n) == self._digests[n])
        self._digests.clear()

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that cannot be removed is left to the next call."""
        for name in names:
            self._digests.pop(name, None)
            with contextlib.suppress(OSError):
                os.unlink(to_prefix(self._out) + name)
