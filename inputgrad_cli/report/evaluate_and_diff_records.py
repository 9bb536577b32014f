"""Reads the records of `evaluate` and `diff` in a run's directory, to be shown in its report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inputgrad_cli.report.page_contents import Document
from inputgrad_cli.report.path_and_number_formatting import Cleaner
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.schema.safe_record_reading import (
    InvalidRecordError,
    parse_json,
    read_record_bytes,
)

TITLES = {"evaluation.json": "Evaluation", "diff.json": "Comparison with another run"}
MAX_BYTES = 16 << 20  # of one record; parsing a larger one would take the memory of the page
MAX_ROWS = 200  # of one record; the file beside the report has them all


def read_documents(out: Path, cleaner: Cleaner) -> list[Document]:
    """Return the records that there are, those that can be read, as keys and values."""
    documents = []
    for name, title in TITLES.items():
        record = _read_object(out / name)
        if record is None:
            continue
        rows = [(cleaner.clean(k), cleaner.clean(v)) for k, v in _yield_leaves(record, "")]
        more = [("...", f"{len(rows) - MAX_ROWS:,} more in {name}")] if len(rows) > MAX_ROWS else []
        documents.append(Document(title, rows[:MAX_ROWS] + more))
    return documents


def _read_object(path: Path) -> JsonObject | None:
    """Return a JSON object, None if there is none; these records decide nothing."""
    try:
        value = parse_json(read_record_bytes(path, MAX_BYTES))
    except (InvalidRecordError, OSError):
        return None
    return value if isinstance(value, dict) else None


def _yield_leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the texts and numbers of a record with the keys that lead to them; no long lists."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _yield_leaves(inner, f"{path}, {key}" if path else str(key))
    elif isinstance(value, list):
        if value and not any(isinstance(inner, (dict, list)) for inner in value):
            yield path, ", ".join(_format_leaf(inner) for inner in value)
        else:
            for index, inner in enumerate(value):
                yield from _yield_leaves(inner, f"{path} {index}")
    else:
        yield path, _format_leaf(value)


def _format_leaf(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "-" if value is None else str(value)
