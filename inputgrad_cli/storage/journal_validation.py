"""Reads and validates a journal line by line."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.errors import StorageError
from inputgrad_cli.schema.field_constraints import Problem, Problems
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.schema.record_limits import MAX_LINE_BYTES
from inputgrad_cli.schema.safe_record_reading import open_record, parse_record
from inputgrad_cli.storage.map_file_names import (
    ARRAYS,
    MapFiles,
    is_array,
    is_grid,
    list_file_names,
)

FLOAT_BYTES = 4  # of a float32 in a result


@dataclass(frozen=True)
class ParsedLine:
    """A line of a journal: its line number from 1, its bytes, and its record or its problems.

    A last line without a newline was cut short by a kill; it has neither record nor problems.
    """

    line_number: int
    data: bytes
    record: JournalLine | None
    problems: Problems = ()


def read_lines(path: Path) -> Iterator[ParsedLine]:
    """Yield the lines of a journal; StorageError, or InvalidRecordError if it is not a journal."""
    try:
        with os.fdopen(open_record(path), "rb") as file:
            line_number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                line_number += 1
                if len(line) > MAX_LINE_BYTES:
                    problem = Problem((), f"has more than {MAX_LINE_BYTES:,} bytes")
                    # What follows is the rest of this line, and not a line of its own.
                    yield ParsedLine(line_number, b"", None, (problem,))
                    return
                yield _parse_line(line_number, line)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read", reason=str(error.strerror)) from None


def _parse_line(line_number: int, line: bytes) -> ParsedLine:
    if not line.endswith(b"\n"):
        return ParsedLine(line_number, line, None)
    data = line[:-1]
    record, problems = parse_record(JournalLine, data)
    if record is not None:
        problems = tuple(_find_contradictions(record))
    return ParsedLine(line_number, data, None if problems else record, problems)


def _find_contradictions(record: JournalLine) -> Iterator[Problem]:
    """Yield contradictions between fields that are valid on their own."""
    map_files, item = MapFiles.from_line(record), decode_name(record, "input")
    if not map_files.is_of(item, record["method"]):
        yield Problem(("stem",), "is not a name of this input and method")
    for index, file in enumerate(record.get("files", ())):
        name = decode_name(file, "path")
        if not (map_files.has_file(name) or ("tiles" in record and is_grid(name, item))):
            yield Problem(("files", index, "path"), "is not a file of this stem")
    if record["status"] == "ok":
        # A line of status failed has none of these, so the type of a line cannot require them.
        for key in ("samples", "unmet", "fingerprint", "files"):
            if key not in record:
                yield Problem((key,), "is missing in a line of status ok")
        if not _has_results(record, map_files):
            yield Problem(("files",), "expected the arrays of every sample in a line of status ok")
    yield from _find_wrong_counts(record)


def _has_results(record: JournalLine, map_files: MapFiles) -> bool:
    """Return whether the files of a map contain all of its arrays, each exactly once."""
    names = list_file_names(record)
    results = {name for name in names if is_array(name)}
    if len(names) != len(set(names)):
        return False
    if record.get("apart"):
        return len(results) == record.get("samples")
    return results == {map_files.arrays}


def _find_wrong_counts(record: JournalLine) -> Iterator[Problem]:
    """Yield the counts that are too large for the files; a loop over one would hardly end."""
    arrays = [f for f in record.get("files", ()) if is_array(decode_name(f, "path"))]
    capacity = sum(file["size"] for file in arrays) // FLOAT_BYTES
    shapes, samples = record.get("shapes", {}), record.get("samples")
    if arrays and sum(math.prod(shape) for shape in shapes.values()) > capacity:
        yield Problem(("shapes",), "have more numbers than the files can contain")
    if samples is None or "files" not in record:
        return
    if record.get("apart"):
        if samples > _compute_max_samples(record, [decode_name(file, "path") for file in arrays]):
            yield Problem(("samples",), "is larger than the names of the files allow")
    elif samples > capacity or any(shape[:1] != [samples] for shape in shapes.values()):
        yield Problem(("samples",), "is not the number of samples in the arrays")


def _compute_max_samples(record: JournalLine, names: list[str]) -> int:
    """Return the largest count of samples whose indices have as many digits as these names."""
    start = len(MapFiles.from_line(record).stem) + 1
    digits = {len(name) - start - len(ARRAYS) for name in names}
    return int(10 ** min(min(digits, default=0), 7))  # 10**7 at most, however long a name is
