"""The files that are being written: a run that was killed before its journal line knows its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from inputgrad_cli.jobs.shards import tags_in

NAMES = (".pending", "")


class Pending:
    """Names of files, one a NUL; added before they are written, gone with their journal lines."""

    def __init__(self, out: Path, tag: str) -> None:
        self._out, self._path = out, out / tag.join(NAMES)

    def left(self) -> set[Path]:
        """Return what runs that were killed had begun, the other shares' included."""
        found: set[Path] = set()
        for tag in tags_in(self._out, *NAMES):
            *names, _ = (self._out / tag.join(NAMES)).read_bytes().split(b"\0")
            found.update(self._out / os.fsdecode(name) for name in names)
        return found

    def add(self, paths: Iterable[Path]) -> None:
        """Note files that are written next. A kill leaves the note, and that is what it is for."""
        names = b"".join(os.fsencode(path.relative_to(self._out)) + b"\0" for path in paths)
        with self._path.open("ab") as file:
            file.write(names)

    def clear(self) -> None:
        """Forget all: the journal knows them."""
        self._path.unlink(missing_ok=True)
