"""Compares the files of a run with its journal and marks bad ones there, to be computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inputgrad_cli.errors import ItemError, StorageError
from inputgrad_cli.hashing import compute_sha256
from inputgrad_cli.schema.encoded_names import decode_name
from inputgrad_cli.schema.records import FileRecord, JournalLine, RunRecord
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.lock import RunLock
from inputgrad_cli.storage.map_files import is_array
from inputgrad_cli.storage.record_errors import InvalidRecord
from inputgrad_cli.storage.run_maps import open_map
from inputgrad_cli.storage.run_paths import check_file
from inputgrad_cli.storage.run_record import build_no_run_error, read_runs

ProgressCallback = Callable[[int, int], None]  # (maps checked, maps in total)


@dataclass(frozen=True)
class BadFile:
    """A file that differs from its journal line, or a record that cannot be read.

    `kind` is missing, changed, unreadable, or record. The `path` of a bad journal line ends in
    `:LINE`.
    """

    path: str
    kind: str
    message: str


@dataclass
class VerifyResult:
    """The files that were checked; `marked` says whether the bad ones are marked in the journal."""

    files: int = 0
    bytes: int = 0
    failed: int = 0
    bad: list[BadFile] = field(default_factory=list)
    marked: bool = True


def verify(out: Path, report_progress: ProgressCallback = lambda done, total: None) -> VerifyResult:
    """Check the files of a run; BusyError while another process writes to it.

    `report_progress` is called with the number of maps checked, and of all maps.
    """
    invalid: list[InvalidRecord] = []
    runs = read_runs(out, invalid)
    if not runs and not invalid:
        raise build_no_run_error(out)
    try:
        lock = RunLock(out)
    except StorageError:  # the disk is read-only: check the run without marking bad files
        return _check_maps(out, runs, report_progress, invalid, marking=False)
    try:
        return _check_maps(out, runs, report_progress, invalid, marking=True)
    finally:
        lock.release()


def _check_maps(
    out: Path,
    runs: Mapping[str, RunRecord],
    report_progress: ProgressCallback,
    invalid: list[InvalidRecord],
    marking: bool,
) -> VerifyResult:
    journal, result, marked_lines = Journal(out, invalid=invalid), VerifyResult(), []
    for checked, (stem, line) in enumerate(journal.lines.items()):
        report_progress(checked, len(journal.lines))
        result.failed += line["status"] == "failed"
        run = runs.get(journal.tags_by_stem[stem]) or next(iter(runs.values()), None)
        bad = list(_yield_bad_files(out, line, run, result))
        result.bad += bad
        names = [file.path for file in bad]
        if names != line.get("bad", []):
            rest = {key: value for key, value in line.items() if key != "bad"}
            marked_lines.append({**rest, "bad": names} if names else rest)
    result.marked = not result.bad
    if invalid:  # every command refuses such a run, so nothing would read the marks
        result.marked = True
    elif marking:
        journal.add(marked_lines)
        result.marked = True
    result.bad[:0] = [BadFile(record.location, "record", record.message) for record in invalid]
    return result


def _yield_bad_files(
    out: Path, line: JournalLine, run: RunRecord | None, result: VerifyResult
) -> Iterator[BadFile]:
    """Yield the bad files of one map, and count all of its files in `result`."""
    for file in line.get("files", ()):
        name = decode_name(file, "path")
        result.files += 1
        result.bytes += file["size"]
        fault = _compare_file(out, name, file)
        if not fault and is_array(name):
            fault = _compare_arrays(out, name, line, run)
        if fault:
            yield BadFile(name, *fault)


def _compare_file(out: Path, name: str, file: FileRecord) -> tuple[str, str] | None:
    """Return (kind, message) if a file differs from what was written, else None."""
    try:
        status = check_file(out, name)
        if status.st_size != file["size"]:
            return "changed", f"has {status.st_size} bytes, not {file['size']}"
        if compute_sha256(out / name) != file["sha256"]:
            return "changed", "its content is not what was written"
    except ItemError as error:
        return "missing", error.message.removeprefix(f"{out / name}: ")
    except (FileNotFoundError, NotADirectoryError):
        return "missing", "is not there"
    except OSError as error:
        return "unreadable", f"cannot be read: {error.strerror}"
    return None


def _compare_arrays(
    out: Path, name: str, line: JournalLine, run: RunRecord | None
) -> tuple[str, str] | None:
    """Return (kind, message) if the content of a file contradicts its journal line, else None."""
    try:
        open_map(out, name, line, run)
    except ItemError as error:
        return error.kind, error.reason or error.message
    return None
