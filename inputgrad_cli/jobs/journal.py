"""The journal of a run: one line per (file, method, target), written after its files are there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import StorageError, UsageError
from inputgrad_cli.formats.results import dump
from inputgrad_cli.jobs.spoken import heard, spoken
from inputgrad_cli.jobs.store import Bytes

NAME = "journal.jsonl"


class Journal:
    """What was done before, and where new lines go; unless `believe`, all is done again."""

    def __init__(self, out: Path, believe: bool = True) -> None:
        self._out = out
        self._believe = believe
        self.path = out / NAME
        self.known: dict[str, dict[str, Any]] = {}
        self._owned: set[Path] = set()
        if self.path.exists():
            self._read()

    def _read(self) -> None:
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):  # the last line of a run that was killed
            os.truncate(self.path, whole)
        for number, line in enumerate(data[:whole].splitlines(), 1):
            try:
                record = json.loads(line)
                self._remember(record)
            except (ValueError, KeyError, TypeError):
                if not self._believe:
                    continue
                raise UsageError(
                    f"{self.path}:{number}: not a line of a journal",
                    reason="something else wrote into it",
                    mend="use --on-exists overwrite or another --out",
                ) from None

    def _remember(self, record: dict[str, Any]) -> None:
        stem = heard(record, "stem")
        self.known[stem] = record
        self._owned.update(self.files(stem))

    def holds(self, stem: str, fingerprint: str) -> dict[str, Any] | None:
        """Return the line of files that are there, whole, and of this very question; else None."""
        record = self.known.get(stem) if self._believe else None
        if not record or record.get("status") != "ok" or record.get("fingerprint") != fingerprint:
            return None
        for file in record["files"]:
            path = self._out / heard(file, "path")
            if not path.is_file() or path.stat().st_size != file["size"]:
                return None
        return record

    def differs(self, stem: str, fingerprint: str) -> bool:
        """Return whether an earlier run made this map, but of another input or question."""
        record = self.known.get(stem, {})
        return "fingerprint" in record and record["fingerprint"] != fingerprint

    def owns(self, path: Path) -> bool:
        """Return whether a line names this file."""
        return path in self._owned

    def files(self, stem: str) -> list[Path]:
        """Return the files that an earlier run wrote for a map."""
        told = self.known.get(stem, {}).get("files", ())
        return [self._out / heard(file, "path") for file in told]

    def add(self, records: list[dict[str, Any]]) -> None:
        """Append the lines and make them durable; StorageError."""
        text = "".join(dump(record) + "\n" for record in records)
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                rest = text.encode()
                while rest:
                    rest = rest[os.write(handle, rest) :]
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageError(
                f"{self.path}: cannot be written",
                reason=str(error.strerror),
                mend="free some space; what was done is kept",
            ) from None
        for record in records:
            self._remember(record)


def fingerprint(facts: Mapping[str, Any]) -> str:
    """Return a hash of everything that decides an item's arrays."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=repr).encode()).hexdigest()


def described(out: Path, path: Path, data: Bytes) -> dict[str, Any]:
    """Return how a file stands in the journal."""
    name = path.relative_to(out).as_posix()
    return {**spoken("path", name), "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
