"""Journal lines in memory: as they are written, since ten thousand records take four times that."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import cast

from inputgrad_cli.schema.records import JournalLine


class Lines(Mapping[str, JournalLine]):
    """Records by stem, each read from its line when it is asked for."""

    def __init__(self) -> None:
        self._lines: dict[str, bytes] = {}

    def keep(self, stem: str, line: bytes) -> None:
        """Remember a line, in the place of an earlier one of this stem."""
        self._lines[stem] = line

    def __getitem__(self, stem: str) -> JournalLine:
        """Return the record, new each time; KeyError."""
        return cast(JournalLine, json.loads(self._lines[stem]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)
