"""Reads and writes the journal of a run.

It has one line per (input, method, target), which is written after the files of that map. Each
shard of a run has its own journal; all of them are read. If two journals have a line for the same
map, the line with the higher `turn` is the later one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from inputgrad_cli.errors import UsageError
from inputgrad_cli.file_hashes import compute_sha256
from inputgrad_cli.formats.attribution_npz_writer import dump_json
from inputgrad_cli.schema.field_constraints import Problem, Problems
from inputgrad_cli.schema.file_names_in_json import decode_name, encode_name
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.schema.safe_record_reading import InvalidRecordError, open_record
from inputgrad_cli.storage.atomic_write import (
    Bytes,
    WriteFunction,
    build_journal_error,
    to_prefix,
)
from inputgrad_cli.storage.complete_map_files import WrittenFiles
from inputgrad_cli.storage.journal_index import JournalIndex
from inputgrad_cli.storage.journal_validation import read_lines
from inputgrad_cli.storage.map_file_names import MapFiles, list_file_names
from inputgrad_cli.storage.outdated_files import OutdatedFiles
from inputgrad_cli.storage.pending_files import PendingFiles
from inputgrad_cli.storage.record_errors import InvalidRecord
from inputgrad_cli.storage.safe_run_paths import find_file, is_folder
from inputgrad_cli.storage.shard_file_names import JOURNAL_FILE
from inputgrad_cli.supervision.worker_death_errors import CRASHED as CRASHED

Record = JsonObject
MAX_INVALID = 10_000  # problems of a journal that are listed, each in about a kB of memory


@dataclass(frozen=True)
class OwnFiles:
    """The files in `out` that belong to a run, so that a run may replace them.

    `names` are in a journal line, even in one that a later line replaced, or in a list of pending
    files; they may grow while a run writes. `torn_prefixes` begin the names of the files of a line
    that was cut short.
    """

    out: Path
    names: Set[str]
    torn_prefixes: tuple[str, ...]

    def is_own_file(self, name: str) -> bool:
        """Return whether a journal line, even an unfinished one, names this file."""
        return name in self.names or name.startswith(self.torn_prefixes)

    def can_replace(self, name: str, overwrite: bool = False) -> bool:
        """Return whether nothing has this name, or a file of a run; any file with `overwrite`."""
        path = to_prefix(self.out) + name
        if not os.path.lexists(path):
            return True
        return (overwrite or self.is_own_file(name)) and not is_folder(path)


class Journal:
    """The maps that earlier runs made, and the file that new lines are appended to.

    `lines` has the latest line of each stem, and `first_lines` the first line of each journal, by
    tag. `crashed_stems` are the maps at
    which a process died. With `reuse=False` all maps are computed again. Raises UsageError for a
    line that cannot be read; if a list `invalid` is given, such lines are added to it instead.
    """

    def __init__(
        self,
        out: Path,
        reuse: bool = True,
        tag: str = "",
        invalid: list[InvalidRecord] | None = None,
    ) -> None:
        self._out, self._reuse, self.tag = out, reuse, tag
        self._invalid = invalid
        self.path = out / JOURNAL_FILE.get_name(tag)
        self._index = JournalIndex()
        self.lines = self._index.lines
        self.first_lines: dict[str, JournalLine] = {}
        self.crashed_stems: set[str] = set()
        self.pending = PendingFiles(out, tag)
        self._outdated = OutdatedFiles(out)
        self._torn_prefixes: tuple[str, ...] = ()
        self._intact_bytes: int | None = None
        for journal_tag in JOURNAL_FILE.list_tags(out):
            self._read(journal_tag)
        pending = self._read_pending()
        self._intact_names = self._select_intact(pending)
        self._unverified_names = frozenset(pending - self._intact_names)
        self._index.file_names.add(pending)

    @property
    def is_torn(self) -> bool:
        """Return whether the last line was cut short by a kill; the next write removes it."""
        return self._intact_bytes is not None

    def _read(self, tag: str) -> None:
        path, end = self._out / JOURNAL_FILE.get_name(tag), 0
        try:
            for line in read_lines(path):
                if line.record is not None:
                    self._remember(line.record, line.data, tag)
                    self.first_lines.setdefault(tag, line.record)
                elif line.problems:
                    self._refuse(f"{path.name}:{line.line_number}", line.problems)
                    if self._invalid is not None and len(self._invalid) > MAX_INVALID:
                        rest = "the lines after this one are not read: too many are wrong"
                        self._invalid.append(InvalidRecord(f"{path.name}:{line.line_number}", rest))
                        return
                # The last line of another shard may be one that its process is writing right now.
                elif tag == self.tag:  # the last line, without a newline
                    self._intact_bytes, self._torn_prefixes = end, _parse_torn_stem(line.data)
                end += len(line.data) + 1
        except InvalidRecordError as error:
            self._refuse(path.name, (Problem((), str(error)),), always=True)

    def _refuse(self, location: str, problems: Problems, always: bool = False) -> None:
        """Raise UsageError, or add the problems to the list of invalid records.

        Invalid lines do not matter if all maps are computed again. A file that is not a journal
        always matters (`always`), because the next line would be appended to it.
        """
        invalid = [InvalidRecord(location, str(problem)) for problem in problems]
        if self._invalid is not None:
            self._invalid += invalid
        elif self._reuse or always:
            hint = "use --on-exists overwrite, or choose another --out"
            subject = "that file" if always else "that line"
            raise invalid[0].to_usage_error(
                self._out, f"remove {subject}" if always else f"remove {subject}, {hint}"
            )

    def _read_pending(self) -> set[str]:
        try:
            return self.pending.read_all()
        except InvalidRecordError as error:
            self._refuse(self.pending.name, (Problem((), str(error)),), always=True)
            return set()

    def _remember(self, record: JournalLine, line: bytes, tag: str) -> None:
        stem = MapFiles.from_line(record).stem
        earlier = self.lines.get(stem)
        # Within one journal the later line counts; between journals, the one of the higher turn.
        is_newer = earlier is None or _get_turn(record) >= _get_turn(earlier)
        if is_newer or self.lines.get_tag(stem) == tag:
            if earlier is not None:
                self._outdated.note(earlier, record)
            self.lines.keep(stem, tag, line)
            self.crashed_stems.discard(stem)
            if record.get("error", {}).get("kind") == CRASHED:
                self.crashed_stems.add(stem)
        self._index.file_names.add(list_file_names(record))

    def _select_intact(self, names: Set[str]) -> set[str]:
        """Return the files whose content has the hash in their journal line.

        A killed run may have replaced the others already; they stay in the list of pending files.
        """
        if not names:
            return set()
        digests = {
            decode_name(file, "path"): file["sha256"]
            for record in self.lines.values()
            for file in record.get("files", ())
        }
        return {
            name
            for name in names & set(digests)
            if find_file(self._out, name) and compute_sha256(self._out / name) == digests[name]
        }

    @property
    def own_files(self) -> OwnFiles:
        """Return the files that are known to be those of a run; they grow with the journal."""
        return OwnFiles(self._out, self._index.file_names, self._torn_prefixes)

    @property
    def unfinished_names(self) -> Set[str]:
        """Return the files that an earlier call has begun to write, but not its journal lines."""
        return self._unverified_names

    @property
    def written_files(self) -> WrittenFiles:
        """Return the files of maps that earlier runs have written."""
        return WrittenFiles(self._out, self._reuse, self._unverified_names)

    def add(self, records: Sequence[Mapping[str, Any]], *, keep_pending: bool = False) -> None:
        """Append the lines and make them durable; StorageError.

        Then the files of earlier lines are removed that the new ones do not list any more. The
        files of the lines are pending no more, unless `keep_pending` says that none was written.
        """
        if not records:
            return
        records = [self._add_turn(record) for record in records]
        lines = [dump_json(record).encode() for record in records]
        try:
            self._append(b"".join(line + b"\n" for line in lines))
        except OSError as error:
            raise build_journal_error(self.path, error) from None
        except InvalidRecordError as error:
            raise UsageError(f"{self.path}: {error}", hint="remove it") from None
        # Not before: a kill between the two would leave files that neither a line nor the list
        # names, and a later run would take them for files of somebody else.
        if not keep_pending:
            self.pending.remove(name for record in records for name in list_file_names(record))
        outdated = self._list_outdated(records)
        for record, line in zip(records, lines, strict=True):
            self._remember(cast(JournalLine, record), line, self.tag)
        self._outdated.remove(outdated)

    def _list_outdated(self, records: Sequence[Mapping[str, Any]]) -> set[str]:
        """Return the files of the lines that these will replace, but those that these list."""
        replaced: list[Mapping[str, Any]] = [
            self.lines.get(MapFiles.from_line(record).stem, {})
            for record in records
            if "files" in record
        ]
        names = {name for line in replaced for name in list_file_names(line)}
        # The picture of all maps of an item moves from the line of one map to that of another.
        return names.difference(*map(list_file_names, records))

    def _append(self, data: bytes) -> None:
        handle = open_record(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            if self._intact_bytes is not None:
                os.ftruncate(handle, self._intact_bytes)
            # If this write is incomplete, the next one first truncates the file to this size.
            self._intact_bytes = os.fstat(handle).st_size
            while data:
                data = data[os.write(handle, data) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        self._intact_bytes = None

    def forget_intact_files(self) -> None:
        """Forget pending files that are intact, and remove what killed calls left; StorageError.

        This must come before the first new file is written, because that may replace one of them.
        """
        if self._intact_names:
            self.pending.remove(self._intact_names)
        self._outdated.remove_left(self.lines.values())

    def _add_turn(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the record with a `turn` that is higher than that of any other journal's line."""
        stem = MapFiles.from_line(record).stem
        if (earlier := self.lines.get(stem)) is None:
            return record
        turn = _get_turn(earlier) + (self.lines.get_tag(stem) != self.tag)
        return {**record, "turn": turn} if turn else record


def _parse_torn_stem(torn: bytes) -> tuple[str, ...]:
    """Return the prefix of the files of a line that was cut short, or () if the stem is cut too."""
    # The stem is the first field of a line, so that a line that was cut short still has it.
    match = re.match(rb'\{("stem": "(?:[^"\\]|\\.)*"(?:, "stem_b64": "[^"]*")?), ', torn)
    return (MapFiles.from_line(json.loads(b"{" + match[1] + b"}")).stem + ".",) if match else ()


def _get_turn(record: Mapping[str, Any]) -> int:
    return int(record.get("turn", 0))


def compute_fingerprint(facts: Mapping[str, Any]) -> str:
    """Return a hash of the facts that determine the arrays of a map."""
    # Sorted, because the order in which facts are collected must not compute all maps anew.
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=repr).encode()).hexdigest()


def describe_file(out: Path, name: str, data: Bytes | WriteFunction) -> Record:
    """Return the journal record of a file that was written to `out`."""
    if callable(data):
        size, digest = (out / name).stat().st_size, compute_sha256(out / name)
    else:
        size, digest = len(data), hashlib.sha256(data).hexdigest()
    return {**encode_name("path", name), "size": size, "sha256": digest}
