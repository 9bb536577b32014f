"""JSON lines: one sample a line, an object by input name, or a bare value for a single input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.files import text_of
from inputgrad_cli.formats.tables.rows import Row, gather, one

SUFFIX = ".jsonl"
ID = "id"
ABSENT = object()


def read_lines(data: bytes, ports: Sequence[Port], where: str) -> Samples:
    """Return one sample a line; `record` holds the ids, where lines have any.

    Raises ItemError (kinds `unreadable`, `empty`); a bad line fails alone, with line and key.
    """
    text = text_of(data, where, "lines of UTF-8 text")
    # Not splitlines(): it also breaks at characters that JSON allows within a text.
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise ItemError(f"{where}: holds no lines", kind="empty")
    found = [_parsed(line, f"{where}:{number}") for number, line in lines]
    rows = [
        to_row(value, ports, f"{where}:{number}")
        for (number, _), value in zip(lines, found, strict=True)
    ]
    ids = [_id(value, ports) for value in found]
    samples = gather(rows, ports, where)
    return samples if not any(i is not None for i in ids) else replace(samples, record={"ids": ids})


def _parsed(line: str, place: str) -> Any:
    """Return the value that a line writes, or the ItemError it deserves."""
    try:
        return json.loads(line, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at column {error.colno}"
    except RecursionError:
        reason = "nested too deeply"
    except ValueError as error:
        reason = str(error)
    return ItemError(f"{place}: not JSON", reason=reason, kind="unreadable")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def to_row(found: Any, ports: Sequence[Port], place: str) -> Row:
    """Return one sample from an object by input name, or from the bare value of the only input."""
    try:
        if isinstance(found, ItemError):
            raise found
        return Row(place, {p.name: one(_value(found, p, ports, place), p, place) for p in ports})
    except ItemError as error:
        return Row(place, {}, error)


def _value(found: Any, port: Port, ports: Sequence[Port], place: str) -> Any:
    if not isinstance(found, dict):
        if len(ports) == 1:
            return found
        raise ItemError(
            f"{place}: not an object",
            reason=f"the model has the inputs {', '.join(p.name for p in ports)}",
            mend='write {"NAME": value, ...}',
            kind="shape",
        )
    value = found.get(port.name, ABSENT)
    if value is ABSENT and "/" in port.name:
        value = _inside(found, port.name.split("/"))
    if value is ABSENT:
        keys = ", ".join(str(key) for key in found if key != ID) or "none"
        raise ItemError(
            f"{place}: no key {port.name!r}", reason=f"its keys are {keys}", kind="shape"
        )
    return value


def _inside(found: Any, path: Sequence[str]) -> Any:
    for word in path:
        if isinstance(found, dict) and word in found:
            found = found[word]
        elif isinstance(found, list) and word.isdecimal() and int(word) < len(found):
            found = found[int(word)]
        else:
            return ABSENT
    return found


def _id(found: Any, ports: Sequence[Port]) -> str | int | float | None:
    """Return what a line calls itself, unless that is the value of an input."""
    if not isinstance(found, dict) or any(port.name == ID for port in ports):
        return None
    value = found.get(ID)
    return value if isinstance(value, (str, int, float)) else None
