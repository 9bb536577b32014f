"""Holds the files of a run against its journal; what is bad is marked there, to be made anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inputgrad_cli.errors import ItemError, StorageError
from inputgrad_cli.hashing import sha256_of
from inputgrad_cli.schema.encoded_names import heard
from inputgrad_cli.schema.records import FileRecord, JournalLine, RunRecord
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.lock import RunLock
from inputgrad_cli.storage.record_errors import WrongRecord
from inputgrad_cli.storage.run_maps import open_map
from inputgrad_cli.storage.run_paths import check_file
from inputgrad_cli.storage.run_record import no_run, read_runs

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Bad:
    """A file that is not what the journal says, or a record that cannot be read.

    `kind` is missing, changed or unreadable, or record; a journal's `path` ends in `:LINE` then.
    """

    path: str
    kind: str
    message: str


@dataclass
class Verdict:
    """What was looked at. `marked` says that the journal knows of the bad ones."""

    files: int = 0
    bytes: int = 0
    failed: int = 0
    bad: list[Bad] = field(default_factory=list)
    marked: bool = True


def verify(out: Path, tell: Tell = lambda done, total: None) -> Verdict:
    """Return how the files of a run are; BusyError while it is being written.

    `tell` hears of how many maps were looked at, and of all.
    """
    wrong: list[WrongRecord] = []
    runs = read_runs(out, wrong)
    if not runs and not wrong:
        raise no_run(out)
    try:
        hold = RunLock(out)
    except StorageError:  # a run on a disk that cannot be written can be looked at all the same
        return _look(out, runs, tell, wrong, marking=False)
    try:
        return _look(out, runs, tell, wrong, marking=True)
    finally:
        hold.release()


def _look(
    out: Path,
    runs: Mapping[str, RunRecord],
    tell: Tell,
    wrong: list[WrongRecord],
    marking: bool,
) -> Verdict:
    journal, verdict, marks = Journal(out, wrong=wrong), Verdict(), []
    for looked, (stem, line) in enumerate(journal.known.items()):
        tell(looked, len(journal.known))
        verdict.failed += line["status"] == "failed"
        run = runs.get(journal.homes[stem]) or next(iter(runs.values()), None)
        bad = list(_bad(out, line, run, verdict))
        verdict.bad += bad
        names = [each.path for each in bad]
        if names != line.get("bad", []):
            rest = {key: value for key, value in line.items() if key != "bad"}
            marks.append({**rest, "bad": names} if names else rest)
    verdict.marked = not verdict.bad
    if wrong:  # no call goes on with such a run, so that there is nobody to read the marks
        verdict.marked = True
    elif marking:
        journal.add(marks)
        verdict.marked = True
    verdict.bad[:0] = [Bad(each.where, "record", each.message) for each in wrong]
    return verdict


def _bad(out: Path, line: JournalLine, run: RunRecord | None, verdict: Verdict) -> Iterator[Bad]:
    """Yield the bad files of one map, and count all of them."""
    for file in line.get("files", ()):
        name = heard(file, "path")
        verdict.files += 1
        verdict.bytes += file["size"]
        fault = _unlike(out, name, file)
        if not fault and name.endswith(".npz"):
            fault = _untrue(out, name, line, run)
        if fault:
            yield Bad(name, *fault)


def _unlike(out: Path, name: str, file: FileRecord) -> tuple[str, str] | None:
    """Return how a file differs from what was written, None where it does not."""
    try:
        about = check_file(out, name)
        if about.st_size != file["size"]:
            return "changed", f"has {about.st_size} bytes, not {file['size']}"
        if sha256_of(out / name) != file["sha256"]:
            return "changed", "its content is not what was written"
    except ItemError as error:
        return "missing", error.what.removeprefix(f"{out / name}: ")
    except (FileNotFoundError, NotADirectoryError):
        return "missing", "is not there"
    except OSError as error:
        return "unreadable", f"cannot be read: {error.strerror}"
    return None


def _untrue(
    out: Path, name: str, line: JournalLine, run: RunRecord | None
) -> tuple[str, str] | None:
    """Return how what a file holds differs from what its line says, None where it does not."""
    try:
        open_map(out, name, line, run)
    except ItemError as error:
        return error.kind, error.reason or error.what
    return None
