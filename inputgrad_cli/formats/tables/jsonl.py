"""Reads JSON lines, each a sample: an object by input name, or the value of a single input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.bounded_file_reading import decode_text
from inputgrad_cli.formats.tables.rows_to_samples import Row, gather_rows, to_sample

ID_KEY = "id"
ABSENT = object()


def read_jsonl(data: bytes, specs: Sequence[InputSpec], where: str) -> Samples:
    """Return one sample per line; `record` holds the ids if any line has one.

    Raises ItemError (kinds `unreadable`, `empty`). A bad line fails alone, with line and key.
    """
    text = decode_text(data, where, "lines of UTF-8 text")
    # str.splitlines() would also break at characters that JSON allows inside texts.
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise ItemError(f"{where}: holds no lines", kind="empty")
    values = [_parse_line(line, f"{where}:{line_number}") for line_number, line in lines]
    rows = [
        to_row(value, specs, f"{where}:{line_number}")
        for (line_number, _), value in zip(lines, values, strict=True)
    ]
    ids = [_get_id(value, specs) for value in values]
    samples = gather_rows(rows, specs, where)
    return samples if not any(i is not None for i in ids) else replace(samples, record={"ids": ids})


def _parse_line(line: str, location: str) -> Any:
    """Return the value of a line, or the ItemError if it is not JSON."""
    try:
        return json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at column {error.colno}"
    except RecursionError:
        reason = "nested too deeply"
    except ValueError as error:
        reason = str(error)
    return ItemError(f"{location}: not JSON", reason=reason, kind="unreadable")


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def to_row(value: Any, specs: Sequence[InputSpec], location: str) -> Row:
    """Return one sample from an object by input name, or from the value of the only input."""
    try:
        if isinstance(value, ItemError):
            raise value
        return Row(
            location,
            {p.name: to_sample(_find_value(value, p, specs, location), p, location) for p in specs},
        )
    except ItemError as error:
        return Row(location, {}, error)


def _find_value(line_value: Any, spec: InputSpec, specs: Sequence[InputSpec], location: str) -> Any:
    if not isinstance(line_value, dict):
        if len(specs) == 1:
            return line_value
        raise ItemError(
            f"{location}: not an object",
            reason=f"the model has the inputs {', '.join(p.name for p in specs)}",
            hint='write {"NAME": value, ...}',
            kind="shape",
        )
    value = line_value.get(spec.name, ABSENT)
    if value is ABSENT and "/" in spec.name:
        value = _find_nested(line_value, spec.name.split("/"))
    if value is ABSENT:
        keys = ", ".join(str(key) for key in line_value if key != ID_KEY) or "none"
        raise ItemError(
            f"{location}: no key {spec.name!r}", reason=f"its keys are {keys}", kind="shape"
        )
    return value


def _find_nested(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return ABSENT
    return value


def _get_id(line_value: Any, specs: Sequence[InputSpec]) -> str | int | float | None:
    """Return the id of a line, unless `id` is the name of an input."""
    if not isinstance(line_value, dict) or any(spec.name == ID_KEY for spec in specs):
        return None
    value = line_value.get(ID_KEY)
    return value if isinstance(value, (str, int, float)) else None
