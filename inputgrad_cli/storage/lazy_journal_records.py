"""Keeps journal lines in memory as bytes, because parsed records take four times as much."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import cast

from inputgrad_cli.schema.journal_line import JournalLine


class JournalLines(Mapping[str, JournalLine]):
    """A mapping from stems to records; each record is parsed when it is requested."""

    def __init__(self) -> None:
        self._lines: dict[str, bytes] = {}

    def keep(self, stem: str, line: bytes) -> None:
        """Store a line; it replaces an earlier line of the same stem."""
        self._lines[stem] = line

    def has_text(self, text: bytes) -> bool:
        """Return whether any line contains the text, without parsing them."""
        return any(text in line for line in self._lines.values())

    def __getitem__(self, stem: str) -> JournalLine:
        """Return the record as a new object; KeyError."""
        return cast(JournalLine, json.loads(self._lines[stem]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)
