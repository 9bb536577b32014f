"""Compares the files of a run with its journal and marks bad ones there, to be computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import ItemError
from inputgrad_cli.file_hashes import compute_sha256
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.journal_line import FileRecord
from inputgrad_cli.storage.map_file_names import is_array
from inputgrad_cli.storage.record_errors import InvalidRecord
from inputgrad_cli.storage.run_directory import RunDirectory, StoredMap
from inputgrad_cli.storage.safe_run_paths import check_file

UNFINISHED = "unfinished"
ProgressCallback = Callable[[int, int], None]  # (maps checked, maps in total)


@dataclass(frozen=True)
class BadFile:
    """A file that differs from its journal line, or a record that cannot be read.

    `kind` is missing, changed, unreadable, unfinished, or record. An unfinished file is whole, but
    the call that has replaced it was ended before it wrote the journal line. The `path` of a bad
    journal line ends in `:LINE`.
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
    with RunDirectory.open_locked(out, invalid, allow_read_only=True) as directory:
        result, marked_lines = _check_maps(directory, report_progress)
        # Every command refuses a run with invalid records, so nothing would read the marks.
        if not invalid and directory.is_locked:
            directory.journal.add(marked_lines, keep_pending=True)
    result.marked = bool(invalid) or directory.is_locked or not result.bad
    result.bad[:0] = [BadFile(record.location, "record", record.message) for record in invalid]
    return result


def _check_maps(
    directory: RunDirectory, report_progress: ProgressCallback
) -> tuple[VerifyResult, list[Mapping[str, Any]]]:
    """Check the files of all maps; return the result, and the lines whose marks change."""
    result, total = VerifyResult(), len(directory.journal.lines)
    marked_lines: list[Mapping[str, Any]] = []
    for checked, stored in enumerate(directory.yield_maps()):
        report_progress(checked, total)
        line = stored.line
        result.failed += line["status"] == "failed"
        bad = list(_yield_bad_files(stored, result))
        result.bad += bad
        # The next call knows unfinished files by the list of pending ones.
        names = [file.path for file in bad if file.kind != UNFINISHED]
        # Only changes are written, so that checking a sound run leaves its journal as it is.
        if names != line.get("bad", []):
            rest = {key: value for key, value in line.items() if key != "bad"}
            marked_lines.append({**rest, "bad": names} if names else rest)
    return result, marked_lines


def _yield_bad_files(stored: StoredMap, result: VerifyResult) -> Iterator[BadFile]:
    """Yield the bad files of one map, and count all of its files in `result`."""
    for file in stored.line.get("files", ()):
        name = decode_name(file, "path")
        result.files += 1
        result.bytes += file["size"]
        fault = _compare_file(stored.directory.out, name, file)
        if not fault and is_array(name):
            fault = _compare_arrays(stored, name)
        if fault and fault[0] == "changed" and name in stored.directory.journal.unfinished_names:
            fault = UNFINISHED, "a call that has ended had begun to replace it; run it again"
        if fault:
            yield BadFile(name, *fault)


def _compare_file(out: Path, name: str, file: FileRecord) -> tuple[str, str] | None:
    """Return (kind, message) if a file differs from what was written, else None."""
    try:
        status = check_file(out, name)
        # The size first: a file of another size may be huge, and hashing it take minutes.
        if status.st_size != file["size"]:
            return "changed", f"has {status.st_size} bytes, not {file['size']}"
        if compute_sha256(out / name) != file["sha256"]:
            return "changed", "its content is not what was written"
    except ItemError as error:
        # A link or a directory has taken the name, so the file that was written is gone.
        return "missing", error.message.removeprefix(f"{out / name}: ")
    except (FileNotFoundError, NotADirectoryError):
        return "missing", "is not there"
    except OSError as error:
        return "unreadable", f"cannot be read: {error.strerror}"
    return None


def _compare_arrays(stored: StoredMap, name: str) -> tuple[str, str] | None:
    """Return (kind, message) if the content of a file contradicts its journal line, else None."""
    try:
        stored.open_arrays(name)
    except ItemError as error:
        return error.kind, error.reason or error.message
    return None
