"""Reads `--ranges FILE`, what a table's features may become: TOML, or CSV with one line each.

In TOML every feature has a table of its own, `[age]`, with `low = 18` and so on. In CSV the first
line names the columns: `feature`, and any of `low`, `high`, `kind`, `step`, `direction`, `group`,
`cost`. An empty cell says nothing.
"""

from __future__ import annotations

import csv
import io
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inputgrad_cli.data.feature_constraints import DIRECTIONS, KINDS, FeatureRange
from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.tables.delimiter_and_decimal_detection import parse_number
from inputgrad_cli.modelfile.bounded_text_reading import read_small_file
from inputgrad_cli.modelfile.unsafe_name_checks import is_printable_text
from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.spelling_suggestions import format_advice, suggest

NUMBERS = ("low", "high", "step", "cost")
CHOICES: Mapping[str, Sequence[str]] = {"kind": KINDS, "direction": DIRECTIONS}
FIELDS = ("low", "high", "kind", "step", "direction", "group", "cost")
MAX_SHOWN = 40  # characters of a value in a message
MAX_DOTS = 1000  # the time to parse a dotted key grows with its parts


def read_feature_ranges(path: Path) -> list[FeatureRange]:
    """Return what the file says about each feature. Raises UsageError with file and line."""
    text = read_small_file(path, "--ranges", regular=False)
    read_entries = _read_toml if path.suffix.lower() == ".toml" else _read_csv
    ranges = list(read_entries(text, path))
    if not ranges:
        raise UsageError(f"--ranges {path}: the file names no feature")
    return ranges


def _read_csv(text: str, path: Path) -> Iterator[FeatureRange]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    file = io.StringIO(text, newline="")
    lines = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
    header: list[str] = []
    try:
        for line in lines:
            cells = [cell.strip() for cell in line]
            where = f"{path}:{lines.line_num}"
            if header and any(cells):
                yield _parse_line(header, cells, where)
            elif any(cells):
                header = _check_header(cells, where)
    except csv.Error as error:
        raise UsageError(f"{path}:{lines.line_num}: not a line of a table ({error})") from None


def _check_header(cells: list[str], where: str) -> list[str]:
    for cell in cells:
        if cell not in ("feature", *FIELDS):
            raise _build_field_error(cell, where, "column", ("feature", *FIELDS))
        if cells.count(cell) > 1:
            raise UsageError(f"{where}: the column {cell!r} is given twice")
    if "feature" not in cells:
        columns = ",".join(("feature", *FIELDS[:-1]))
        raise UsageError(f"{where}: no column is called 'feature'", hint=f"begin with {columns}")
    return cells


def _parse_line(header: list[str], cells: list[str], where: str) -> FeatureRange:
    if len(cells) != len(header):
        raise UsageError(f"{where}: {len(cells)} columns, not {len(header)}")
    values: dict[str, str] = dict(zip(header, cells, strict=True))
    name = _check_name(values.pop("feature"), where)
    return _build_range(name, where, {key: cell for key, cell in values.items() if cell})


def _read_toml(text: str, path: Path) -> Iterator[FeatureRange]:
    try:
        if text.count(".") > MAX_DOTS:
            raise ValueError("it has too many points")
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise UsageError(f"{path}: not TOML", reason=to_printable(reason[:200])) from None
    for key, values in document.items():
        line_number = _find_line(text, key)
        where = f"{path}:{line_number}" if line_number else str(path)
        name = _check_name(key, where)
        if not isinstance(values, dict):
            raise UsageError(
                f"{where}: {name!r} is not a table",
                hint=f'write [{name}], and below it low = 0, high = 1, kind = "integer" and so on',
            )
        for field in values:
            if field not in FIELDS:
                raise _build_field_error(field, where, "key", FIELDS)
        yield _build_range(name, where, values)


def _find_line(text: str, key: str) -> int:
    """Return the line, from 1, where a feature begins in TOML; 0 if it is written otherwise."""
    start = re.compile(rf"""\s*\[?\s*(["']?){re.escape(key)}\1\s*[\].=]""")
    lines = enumerate(text.split("\n"), start=1)
    return next((index for index, line in lines if start.match(line)), 0)


def _check_name(name: str, where: str) -> str:
    if not name or not is_printable_text(name):
        problem = "is not text that can be shown" if name else "is empty"
        raise UsageError(f"{where}: the name of a feature {problem}")
    return name


def _build_range(name: str, where: str, values: Mapping[str, Any]) -> FeatureRange:
    fields = {key: _parse_value(key, value, where) for key, value in values.items()}
    return FeatureRange(name, where, fields)


def _parse_value(key: str, value: Any, where: str) -> str | float:
    """Return the value of a field; `value` is a cell of CSV, or a value of TOML."""
    excerpt = to_printable(str(value)[:MAX_SHOWN])
    if key in NUMBERS:
        return _parse_number(key, value, where)
    if not isinstance(value, str) or not is_printable_text(value):
        raise UsageError(f"{where}: {key} is not text that can be shown", received=excerpt)
    if key in CHOICES and value not in CHOICES[key]:
        words = format_advice(suggest(value, CHOICES[key]), f"it is {', '.join(CHOICES[key])}")
        raise UsageError(f"{where}: there is no {key} {excerpt!r}", hint=words)
    return value


def _parse_number(key: str, value: Any, where: str) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    amount = parse_number(str(value)) if is_number or isinstance(value, str) else None
    if amount is None or math.isnan(amount):
        raise UsageError(
            f"{where}: {key} is not a number", received=to_printable(str(value)[:MAX_SHOWN])
        )
    if key in ("step", "cost") and not 0 < amount < math.inf:
        raise UsageError(f"{where}: {key} must be above 0", received=f"{amount:g}")
    return amount


def _build_field_error(key: str, where: str, noun: str, known: Sequence[str]) -> UsageError:
    excerpt = to_printable(key[:MAX_SHOWN])
    words = format_advice(suggest(key, known), f"the {noun}s are {', '.join(known)}")
    return UsageError(f"{where}: there is no {noun} {excerpt!r}", hint=words)
