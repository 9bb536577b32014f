"""Reads a journal line by line, and says what is wrong with a line before anything relies on it."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.errors import StorageError
from inputgrad_cli.schema.check_types import Problem, Problems
from inputgrad_cli.schema.encoded_names import heard
from inputgrad_cli.schema.limits import MAX_LINE
from inputgrad_cli.schema.read_records import open_record, read_as
from inputgrad_cli.schema.records import JournalLine

FLOAT = 4  # bytes of a number in a result
MARK = 12  # digits of the hash in a name that was cut


@dataclass(frozen=True)
class ReadLine:
    """A line of a journal: its number from 1, its bytes, and the record or what is wrong with it.

    One that no newline ends, which only the last can be, was cut short: it is neither.
    """

    number: int
    data: bytes
    record: JournalLine | None
    problems: Problems = ()


def read_lines(path: Path) -> Iterator[ReadLine]:
    """Yield the lines of a journal; StorageError, NoRecordError for what is no file of a run."""
    try:
        with os.fdopen(open_record(path), "rb") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    problem = Problem((), f"has more than {MAX_LINE:,} bytes")
                    yield ReadLine(number, b"", None, (problem,))
                    return
                yield _read(number, line)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read", reason=str(error.strerror)) from None


def _read(number: int, line: bytes) -> ReadLine:
    if not line.endswith(b"\n"):
        return ReadLine(number, line, None)
    data = line[:-1]
    record, problems = read_as(JournalLine, data)
    if record is not None:
        problems = tuple(_contradictions(record))
    return ReadLine(number, data, None if problems else record, problems)


def _contradictions(record: JournalLine) -> Iterator[Problem]:
    """Yield what no line of ours says: fields that are right alone, and not with one another."""
    stem, name = heard(record, "stem"), heard(record, "input")
    if not _is_stem_of(stem, name, record["method"]):
        yield Problem(("stem",), "is not a name of this input and method")
    for number, file in enumerate(record.get("files", ())):
        if not _is_file_of(stem, heard(file, "path")):
            yield Problem(("files", number, "path"), "is not a file of this stem")
    if record["status"] == "ok":
        for key in ("samples", "unmet", "fingerprint", "files"):
            if key not in record:
                yield Problem((key,), "is missing in a line of status ok")
        if not _has_results(record, stem):
            yield Problem(("files",), "expected the arrays of every sample in a line of status ok")
    yield from _wrong_counts(record)


def _is_stem_of(stem: str, name: str, label: str) -> bool:
    """Return whether `stem` is what a map of this item is called, or that cut to be short."""
    whole = f"{name}.{label}"
    mark = hashlib.sha256(os.fsencode(name)).hexdigest()[:MARK]
    folder, _, last = stem.rpartition("/")
    if folder != name.rpartition("/")[0]:
        return False
    return stem == whole or stem.startswith(f"{whole}.") or f"-{mark}." in last


def _is_file_of(stem: str, name: str) -> bool:
    """Return whether a file is one of a map: its stem and an ending, or that cut to be short."""
    if name.startswith(f"{stem}."):
        return True
    folder, _, last = stem.rpartition("/")
    mark = hashlib.sha256(os.fsencode(last)).hexdigest()[:MARK]
    own, _, ending = name.rpartition("/")
    return own == folder and f"-{mark}." in ending


def _has_results(record: JournalLine, stem: str) -> bool:
    """Return whether the files of a map have its arrays, each once."""
    names = [heard(file, "path") for file in record.get("files", ())]
    results = {name for name in names if name.endswith(".npz")}
    if len(names) != len(set(names)):
        return False
    if record.get("apart"):
        return len(results) == record.get("samples")
    return results == {f"{stem}.npz"}


def _wrong_counts(record: JournalLine) -> Iterator[Problem]:
    """Yield the counts that are larger than the files could hold: loops go over them."""
    results = [f for f in record.get("files", ()) if heard(f, "path").endswith(".npz")]
    room = sum(file["size"] for file in results) // FLOAT
    shapes, samples = record.get("shapes", {}), record.get("samples")
    if results and sum(math.prod(shape) for shape in shapes.values()) > room:
        yield Problem(("shapes",), "are of more numbers than the files have room for")
    if samples is None or "files" not in record:
        return
    if record.get("apart"):
        if samples > _most_apart(record, [heard(file, "path") for file in results]):
            yield Problem(("samples",), "is more than the names of the files count")
    elif samples > room or any(shape[:1] != [samples] for shape in shapes.values()):
        yield Problem(("samples",), "is not the count that the arrays have")


def _most_apart(record: JournalLine, names: list[str]) -> int:
    """Return how many samples there are at most, whose numbers have as many digits as these."""
    start = len(heard(record, "stem")) + 1
    digits = {len(name) - start - len(".npz") for name in names}
    return int(10 ** min(min(digits, default=0), 7))
