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
from pathlib import Path, PurePosixPath
from typing import Any

from inputgrad_cli.errors import StorageError, UsageError
from inputgrad_cli.formats.results import dump
from inputgrad_cli.hashes import sha256_of
from inputgrad_cli.jobs.lines import Lines
from inputgrad_cli.jobs.pending import Pending
from inputgrad_cli.jobs.shards import tags_in
from inputgrad_cli.jobs.spoken import heard, spoken
from inputgrad_cli.jobs.store import Bytes, Pour

NAMES = ("journal", ".jsonl")
Record = dict[str, Any]


class Journal:
    """What was done before, and where new lines go; unless `believe`, all is done again.

    `homes` tells which journal a map's line stands in, by its mark. `torn` says that the last line
    of the own one was cut short, by a kill.
    """

    def __init__(self, out: Path, believe: bool = True, tag: str = "") -> None:
        self._out, self._believe, self.tag = out, believe, tag
        self.path = _path(out, tag)
        self.known = Lines()
        self.homes: dict[str, str] = {}
        self._pending = Pending(out, tag)
        self._owned: set[str] = set()
        self._begun: tuple[str, ...] = ()
        self._whole: int | None = None
        for found in tags_in(out, *NAMES):
            self._read(found)
        begun = self._pending.left()
        told = self._as_told(begun)
        self._unsure = frozenset(begun - told)
        self._pending.forget(told)
        self._owned.update(begun)

    @property
    def torn(self) -> bool:
        """Return whether the last line is to be cut off before the next is written."""
        return self._whole is not None

    def _read(self, tag: str) -> None:
        path = _path(self._out, tag)
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data) and tag == self.tag:
            self._whole = whole
            self._begun = _begun(data[whole:])
        for number, line in enumerate(data[:whole].split(b"\n")[:-1], 1):
            try:
                self._remember(_sound(json.loads(line)), line, tag)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                if not self._believe:
                    continue
                raise UsageError(
                    f"{path}:{number}: not a line of a journal",
                    reason="something else wrote into it",
                    mend="remove that line, use --on-exists overwrite, or choose another --out",
                ) from None

    def _remember(self, record: Record, line: bytes, tag: str) -> None:
        stem = heard(record, "stem")
        before = self.known.get(stem)
        if before is None or self.homes[stem] == tag or _turn(record) >= _turn(before):
            self.known.keep(stem, line)
            self.homes[stem] = tag
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
        paths = {name: self._out / name for name in names if name in told}
        return {n for n, path in paths.items() if path.is_file() and sha256_of(path) == told[n]}

    def holds(self, stem: str, fingerprint: str) -> Record | None:
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

    def has_pictures(self, record: Record) -> bool:
        """Return whether the pictures that a line tells of are there, and whole."""
        pictures = [file for file in record["files"] if is_picture(heard(file, "path"))]
        return all(map(self._is_whole, pictures))

    def _is_whole(self, file: Record) -> bool:
        name = heard(file, "path")
        path = self._out / name
        if not path.is_file() or path.stat().st_size != file["size"]:
            return False
        return name not in self._unsure

    def differs(self, stem: str, fingerprint: str) -> bool:
        """Return whether an earlier run made this map, but of another input or question."""
        record = self.known.get(stem, {})
        return "fingerprint" in record and record["fingerprint"] != fingerprint

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
        return names_in(self.known.get(stem, {}))

    def add(self, records: Sequence[Record]) -> None:
        """Append the lines and make them durable; StorageError."""
        if not records:
            return
        records = [self._later(record) for record in records]
        lines = [dump(record).encode() for record in records]
        try:
            if self._whole is not None:
                os.truncate(self.path, self._whole)
            # Should this end half way, the next lines must not follow upon the half.
            self._whole = self.path.stat().st_size if self.path.exists() else 0
            _append(self.path, b"".join(line + b"\n" for line in lines))
            self._whole = None
            self._pending.clear(name for record in records for name in names_in(record))
        except OSError as error:
            raise self._unwritable(error) from None
        for record, line in zip(records, lines, strict=True):
            self._remember(record, line, self.tag)

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

    def _later(self, record: Record) -> Record:
        """Return the line with its turn, where a line of another journal is older."""
        stem = heard(record, "stem")
        turn = _turn(self.known.get(stem, {})) + (self.homes.get(stem, self.tag) != self.tag)
        return {**record, "turn": turn} if turn else record


def _path(out: Path, tag: str) -> Path:
    return out / tag.join(NAMES)


def _append(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def is_picture(name: str) -> bool:
    """Return whether a file of a map is a picture of it."""
    return name.endswith(".png")


def names_in(record: Record) -> list[str]:
    """Return the names of the files of a line."""
    return [heard(file, "path") for file in record.get("files", ())]


def _begun(torn: bytes) -> tuple[str, ...]:
    """Return how the files of a line that was cut short begin, if so much of it is left."""
    found = re.match(rb'\{("stem": "(?:[^"\\]|\\.)*"(?:, "stem_b64": "[^"]*")?), ', torn)
    return (heard(json.loads(b"{" + found[1] + b"}"), "stem") + ".",) if found else ()


def _turn(record: Record) -> int:
    return int(record.get("turn", 0))


def _sound(record: Record) -> Record:
    """Return a line that the rest may rely on; raises what is wrong with it."""
    for key in ("stem", "input", "method", "target", "status"):
        if not isinstance(record[key], str):
            raise TypeError(key)
    for path in map(PurePosixPath, [heard(record, "stem"), *names_in(record)]):
        if path.is_absolute() or ".." in path.parts:
            raise ValueError("a file outside the run")
    for file in record.get("files", ()):
        int(file["size"]), str(file["sha256"])
    for source in record["sources"]:
        heard(source, "path"), source["for"]
    _turn(record)
    return record


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
