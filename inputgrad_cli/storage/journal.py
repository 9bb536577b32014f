"""The journal of a run: one line per (file, method, target), written after its files are there.

The shares of a run have a journal each; all of them are read. Where two tell of one map, the
higher `turn` came later.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, cast

from inputgrad_cli.errors import StorageError, UsageError
from inputgrad_cli.formats.attribution_npz import dump
from inputgrad_cli.hashing import sha256_of
from inputgrad_cli.schema.check_types import Problem, Problems
from inputgrad_cli.schema.encoded_names import heard, spoken
from inputgrad_cli.schema.read_records import NoRecordError, open_record
from inputgrad_cli.schema.records import FileRecord, JournalLine
from inputgrad_cli.storage.atomic_write import Bytes, Pour
from inputgrad_cli.storage.journal_lines import Lines
from inputgrad_cli.storage.journal_reader import read_lines
from inputgrad_cli.storage.pending_files import Pending
from inputgrad_cli.storage.record_errors import WrongRecord
from inputgrad_cli.storage.run_paths import find_file
from inputgrad_cli.storage.shards import tags_in
from inputgrad_cli.supervision.crash_reports import KIND as CRASHED

NAMES = ("journal", ".jsonl")
Record = dict[str, Any]


class Journal:
    """What was done before, and where new lines go; unless `believe`, all is done again.

    `homes` tells which journal a map's line stands in, by its mark; `firsts` has the first line of
    each. `crashed` are the maps at which a process died. `torn` says that the last line of the own
    one was cut short, by a kill. Raises UsageError for a line that cannot be read; with `wrong`,
    what is wrong is put there.
    """

    def __init__(
        self,
        out: Path,
        believe: bool = True,
        tag: str = "",
        wrong: list[WrongRecord] | None = None,
    ) -> None:
        self._out, self._believe, self.tag = out, believe, tag
        self._wrong = wrong
        self.path = _path(out, tag)
        self.known = Lines()
        self.homes: dict[str, str] = {}
        self.firsts: dict[str, JournalLine] = {}
        self.crashed: set[str] = set()
        self._pending = Pending(out, tag)
        self._owned: set[str] = set()
        self._begun: tuple[str, ...] = ()
        self._whole: int | None = None
        for found in tags_in(out, *NAMES):
            self._read(found)
        begun = self._left()
        told = self._as_told(begun)
        self._unsure = frozenset(begun - told)
        self._pending.forget(told)
        self._owned.update(begun)

    @property
    def torn(self) -> bool:
        """Return whether the last line is to be cut off before the next is written."""
        return self._whole is not None

    def _read(self, tag: str) -> None:
        path, end = _path(self._out, tag), 0
        try:
            for line in read_lines(path):
                if line.record is not None:
                    self._remember(line.record, line.data, tag)
                    self.firsts.setdefault(tag, line.record)
                elif line.problems:
                    self._refuse(f"{path.name}:{line.number}", line.problems)
                elif tag == self.tag:  # cut short
                    self._whole, self._begun = end, _begun(line.data)
                end += len(line.data) + 1
        except NoRecordError as error:
            self._refuse(path.name, (Problem((), str(error)),), always=True)

    def _refuse(self, where: str, problems: Problems, always: bool = False) -> None:
        """Raise UsageError, or note what is wrong; lines that are done again anyway do not matter.

        What is no file of a run does: the next line would go into it.
        """
        found = [WrongRecord(where, str(problem)) for problem in problems]
        if self._wrong is not None:
            self._wrong += found
        elif self._believe or always:
            mend = "use --on-exists overwrite, or choose another --out"
            what = "that file" if always else "that line"
            raise found[0].error(
                self._out, f"remove {what}" if always else f"remove {what}, {mend}"
            )

    def _left(self) -> set[str]:
        try:
            return self._pending.left()
        except NoRecordError as error:
            self._refuse(self._pending.name, (Problem((), str(error)),), always=True)
            return set()

    def _remember(self, record: JournalLine, line: bytes, tag: str) -> None:
        stem = heard(record, "stem")
        before = self.known.get(stem)
        if before is None or self.homes[stem] == tag or _turn(record) >= _turn(before):
            self.known.keep(stem, line)
            self.homes[stem] = tag
            self.crashed.discard(stem)
            if record.get("error", {}).get("kind") == CRASHED:
                self.crashed.add(stem)
        self._owned.update(names_in(record))

    def _as_told(self, names: Set[str]) -> set[str]:
        """Return those files that hold what their lines tell.

        What a killed run had begun to replace may be its own by now, and stays noted until then.
        """
        if not names:
            return set()
        told = {
            heard(file, "path"): file["sha256"]
            for record in self.known.values()
            for file in record.get("files", ())
        }
        return {
            name
            for name in names & set(told)
            if find_file(self._out, name) and sha256_of(self._out / name) == told[name]
        }

    def holds(self, stem: str, fingerprint: str) -> JournalLine | None:
        """Return the line of files that are there, whole, and of this very question; else None.

        Pictures do not count: they can be drawn again.
        """
        record = self.known.get(stem) if self._believe else None
        if not record or record["status"] != "ok" or record.get("fingerprint") != fingerprint:
            return None
        if record.get("bad"):
            return None
        results = [file for file in record["files"] if not is_picture(heard(file, "path"))]
        return record if all(map(self._is_whole, results)) else None

    def has_pictures(self, record: JournalLine) -> bool:
        """Return whether the pictures that a line tells of are there, and whole."""
        pictures = [file for file in record["files"] if is_picture(heard(file, "path"))]
        return all(map(self._is_whole, pictures))

    def _is_whole(self, file: FileRecord) -> bool:
        name = heard(file, "path")
        about = find_file(self._out, name)
        return about is not None and about.st_size == file["size"] and name not in self._unsure

    def differs(self, stem: str, fingerprint: str) -> bool:
        """Return whether an earlier run made this map, but of another input or question."""
        record = self.known.get(stem)
        return record is not None and record.get("fingerprint", fingerprint) != fingerprint

    def owns(self, name: str) -> bool:
        """Return whether a line names this file, also one that was never finished."""
        return name in self._owned or name.startswith(self._begun)

    def intend(self, names: Iterable[str]) -> None:
        """Note what is written next, so that it is known for our own after a kill; StorageError."""
        try:
            self._pending.add(names)
        except OSError as error:
            raise self._unwritable(error) from None

    def files(self, stem: str) -> list[str]:
        """Return the names of the files that an earlier run wrote for a map."""
        record = self.known.get(stem)
        return [] if record is None else names_in(record)

    def add(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Append the lines and make them durable; StorageError."""
        if not records:
            return
        records = [self._later(record) for record in records]
        lines = [dump(record).encode() for record in records]
        try:
            self._append(b"".join(line + b"\n" for line in lines))
            self._pending.clear(name for record in records for name in names_in(record))
        except OSError as error:
            raise self._unwritable(error) from None
        except NoRecordError as error:
            raise UsageError(f"{self.path}: {error}", mend="remove it") from None
        for record, line in zip(records, lines, strict=True):
            self._remember(cast(JournalLine, record), line, self.tag)

    def _append(self, data: bytes) -> None:
        handle = open_record(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            if self._whole is not None:
                os.ftruncate(handle, self._whole)
            # Should this end half way, the next lines must not follow upon the half.
            self._whole = os.fstat(handle).st_size
            while data:
                data = data[os.write(handle, data) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        self._whole = None

    def settle(self, names: Iterable[str] = ()) -> None:
        """Leave no note of what has its line, nor of `names`, never written; StorageError."""
        try:
            self._pending.clear(names)
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(
            f"{self.path}: cannot be written",
            reason=str(error.strerror),
            mend="free some space; what was done is kept",
        )

    def _later(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the line with its turn, where a line of another journal is older."""
        stem = heard(record, "stem")
        turn = _turn(self.known.get(stem, {})) + (self.homes.get(stem, self.tag) != self.tag)
        return {**record, "turn": turn} if turn else record


def _path(out: Path, tag: str) -> Path:
    return out / tag.join(NAMES)


def is_picture(name: str) -> bool:
    """Return whether a file of a map is a picture of it."""
    return name.endswith(".png")


def names_in(record: Mapping[str, Any]) -> list[str]:
    """Return the names of the files of a line."""
    return [heard(file, "path") for file in record.get("files", ())]


def _begun(torn: bytes) -> tuple[str, ...]:
    """Return how the files of a line that was cut short begin, if so much of it is left."""
    found = re.match(rb'\{("stem": "(?:[^"\\]|\\.)*"(?:, "stem_b64": "[^"]*")?), ', torn)
    return (heard(json.loads(b"{" + found[1] + b"}"), "stem") + ".",) if found else ()


def _turn(record: Mapping[str, Any]) -> int:
    return int(record.get("turn", 0))


def fingerprint(facts: Mapping[str, Any]) -> str:
    """Return a hash of everything that decides an item's arrays."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=repr).encode()).hexdigest()


def described(out: Path, name: str, data: Bytes | Pour) -> Record:
    """Return how a file that was written into `out` stands in the journal."""
    if callable(data):
        size, digest = (out / name).stat().st_size, sha256_of(out / name)
    else:
        size, digest = len(data), hashlib.sha256(data).hexdigest()
    return {**spoken("path", name), "size": size, "sha256": digest}
