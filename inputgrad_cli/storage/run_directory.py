"""Opens the directory of a run, and returns its maps with their records, arrays and inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import StorageError
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.schema.run_json import RunRecord
from inputgrad_cli.storage.checked_array_reading import open_arrays
from inputgrad_cli.storage.input_rereading import read_inputs
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.map_file_names import MapFiles, is_array, list_file_names
from inputgrad_cli.storage.output_directory_lock import RunLock
from inputgrad_cli.storage.record_errors import InvalidRecord
from inputgrad_cli.storage.run_json_files import read_existing_runs, select_run
from inputgrad_cli.storage.stored_picture_style import read_style


@dataclass(frozen=True)
class RunDirectory:
    """The directory of a run or of some of its shards: their records by tag, and the journal.

    `is_locked` says whether other processes are kept from writing there.
    """

    out: Path
    runs: Mapping[str, RunRecord]
    journal: Journal
    is_locked: bool = False

    @classmethod
    def open(cls, out: Path, invalid: list[InvalidRecord] | None = None) -> RunDirectory:
        """Read the records of a run.

        Raises StorageError, and UsageError if the directory holds no run or a record cannot be
        read; if a list `invalid` is given, such records are added to it instead.
        """
        runs = read_existing_runs(out, invalid)
        return cls(out, runs, Journal(out, invalid=invalid))

    @classmethod
    @contextmanager
    def open_locked(
        cls,
        out: Path,
        invalid: list[InvalidRecord] | None = None,
        *,
        allow_read_only: bool = False,
    ) -> Iterator[RunDirectory]:
        """Lock a run, then read its records as `open` does; BusyError if another process writes.

        With `allow_read_only`, a run that cannot be written is opened without a lock.
        """
        # The lock would create the directory of a run that does not exist.
        read_existing_runs(out, None if invalid is None else [])
        lock: RunLock | None = None
        try:
            lock = RunLock(out)
        except StorageError:
            if not allow_read_only:
                raise
        try:
            yield replace(cls.open(out, invalid), is_locked=lock is not None)
        finally:
            if lock is not None:
                lock.release()

    def get_run(self, tag: str) -> RunRecord | None:
        """Return the record with this tag, any record if there is none, None without records."""
        return select_run(self.runs, tag)

    def get_map(self, stem: str) -> StoredMap:
        """Return the map with this stem, as its latest journal line describes it; KeyError."""
        return StoredMap(self, self.journal.lines[stem])

    def yield_maps(
        self, is_selected: Callable[[JournalLine], bool] = lambda line: True
    ) -> Iterator[StoredMap]:
        """Yield the maps whose journal lines are selected, one at a time.

        The lines are parsed on the way, so that they are not in memory all at once.
        """
        for stem in self.journal.lines:
            stored = self.get_map(stem)
            if is_selected(stored.line):
                yield stored


@dataclass(frozen=True)
class StoredMap:
    """A map of a run as the journal line `line` describes it."""

    directory: RunDirectory
    line: JournalLine

    @property
    def files(self) -> MapFiles:
        """Return the names of its files."""
        return MapFiles.from_line(self.line)

    @property
    def stem(self) -> str:
        """Return the name of its files without their endings."""
        return self.files.stem

    @property
    def run(self) -> RunRecord | None:
        """Return the record of its run, None if there is none that can be read."""
        return self.directory.get_run(self._tag)

    @property
    def style(self) -> Style | None:
        """Return the style of its pictures, None if none was ever drawn."""
        return read_style(self.line, self.run)

    def is_due(self, style: Style) -> bool:
        """Return whether its pictures have another style, or are missing or changed."""
        written = self.line.get("style") == style.record()
        return not written or not self.directory.journal.written_files.has_pictures(self.line)

    def open_arrays(self, name: str) -> RecordedMap:
        """Return the content of one of its array files; ItemError if the line contradicts it."""
        return open_arrays(self.directory.out, name, self.line, run=self.run)

    def yield_arrays(self) -> Iterator[tuple[str, RecordedMap]]:
        """Yield the names and contents of its array files; ItemError.

        There is one file, or one for each sample if the samples have unequal shapes.
        """
        for name in filter(is_array, list_file_names(self.line)):
            yield name, self.open_arrays(name)

    def read_inputs(self, attribution: RecordedMap, keep_originals: bool = False) -> Samples:
        """Return the inputs as the run read them; ItemError if they are gone or have changed.

        `attribution` is the content of one of its array files, which says how images were read.
        With `keep_originals`, the files' own pictures are kept as well.
        """
        return read_inputs(
            attribution,
            self.line,
            self.directory.journal.first_lines[self._tag],
            run=self.run,
            out=self.directory.out,
            keep_originals=keep_originals,
        )

    @property
    def _tag(self) -> str:
        return self.directory.journal.lines.get_tag(self.stem)
