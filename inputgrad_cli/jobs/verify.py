"""Holds the files of a run against its journal; what is bad is marked there, to be made anew."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inputgrad_cli.attribution import Attribution
from inputgrad_cli.errors import ItemError, StorageError
from inputgrad_cli.formats.results import open_result
from inputgrad_cli.hashes import sha256_of
from inputgrad_cli.jobs.journal import Journal
from inputgrad_cli.jobs.runfile import no_run, read_runs
from inputgrad_cli.jobs.spoken import heard
from inputgrad_cli.jobs.store import Hold


@dataclass(frozen=True)
class Bad:
    """A file that is not what the journal says; `kind` is missing, changed or unreadable."""

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


def verify(out: Path, tell: Callable[[int, int], None] = lambda done, total: None) -> Verdict:
    """Return how the files of a run are; BusyError while it is being written.

    `tell` hears of how many maps were looked at, and of all.
    """
    runs = read_runs(out)
    if not runs:
        raise no_run(out)
    try:
        hold = Hold(out)
    except StorageError:  # a run on a disk that cannot be written can be looked at all the same
        return _look(out, runs, tell, marking=False)
    try:
        return _look(out, runs, tell, marking=True)
    finally:
        hold.release()


def _look(
    out: Path, runs: Mapping[str, Any], tell: Callable[[int, int], None], marking: bool
) -> Verdict:
    journal, verdict, marks = Journal(out), Verdict(), []
    for looked, (stem, record) in enumerate(journal.known.items()):
        tell(looked, len(journal.known))
        verdict.failed += record["status"] == "failed"
        run = runs.get(journal.homes[stem]) or next(iter(runs.values()))
        bad = list(_bad(out, record, run, verdict))
        verdict.bad += bad
        told = [one.path for one in bad]
        if told != record.get("bad", []):
            rest = {key: value for key, value in record.items() if key != "bad"}
            marks.append({**rest, "bad": told} if told else rest)
    verdict.marked = not verdict.bad
    if marking:
        journal.add(marks)
        verdict.marked = True
    return verdict


def _bad(
    out: Path, record: Mapping[str, Any], run: Mapping[str, Any], verdict: Verdict
) -> Iterator[Bad]:
    """Yield the bad files of one map, and count all of them."""
    for file in record.get("files", ()):
        name = heard(file, "path")
        verdict.files += 1
        verdict.bytes += file["size"]
        found = _unlike(out / name, file)
        if not found and name.endswith(".npz"):
            found = _untrue(out / name, record, run)
        if found:
            yield Bad(name, *found)


def _unlike(path: Path, file: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return how a file differs from what was written, None where it does not."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            return "missing", "is no file any more"
        if about.st_size != file["size"]:
            return "changed", f"has {about.st_size} bytes, not {file['size']}"
        if sha256_of(path) != file["sha256"]:
            return "changed", "its content is not what was written"
    except FileNotFoundError:
        return "missing", "is not there"
    except OSError as error:
        return "unreadable", f"cannot be read: {error.strerror}"
    return None


def _untrue(
    path: Path, record: Mapping[str, Any], run: Mapping[str, Any]
) -> tuple[str, str] | None:
    """Return how what a file holds differs from what its line says, None where it does not."""
    try:
        attribution = open_result(path)
    except ItemError as error:
        return "unreadable", error.reason or error.what
    for what, found, told in _claims(attribution, record, run):
        if told is not None and found != told:
            return "changed", f"{what}: {found} in the file, {told} in the journal"
    return None


def _claims(
    attribution: Attribution, record: Mapping[str, Any], run: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Yield what a file and its line both tell; None where an older line does not."""
    about = attribution.metadata
    shapes = {site: list(array.shape) for site, array in attribution.values.items()}
    yield "shapes", shapes, record.get("shapes")
    yield "method", _in(about, "method", "label"), record["method"]
    yield (
        "many samples",
        attribution.many,
        record.get("samples") is not None and not record.get("apart"),
    )
    yield "model", _in(about, "model", "sha256"), run["model"]["sha256"]


def _in(about: Mapping[str, Any], key: str, inner: str) -> Any:
    told = about.get(key)
    return told.get(inner) if isinstance(told, dict) else None
