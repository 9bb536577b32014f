"""Opens and reads records without believing them: no links, no pipes, no endless text."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from inputgrad_cli.schema.check_types import Problem, Problems, check_of
from inputgrad_cli.schema.limits import MAX_DEPTH

T = TypeVar("T")
SPARSE = 32  # bytes for each list or object of a record: a file with its hash takes 130
DENSE = 12  # bytes of `metadata.json`: an index of one class stands there for each sample
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NoRecordError(Exception):
    """What stands in the place of a record is none; the text says why, as the end of a sentence."""


def open_record(path: Path | str, flags: int = os.O_RDONLY) -> int:
    """Return the handle of one of a run's own files, opened without following a link.

    One that has another name elsewhere is none of them: what is written would change that as well.
    Raises NoRecordError, and OSError where the system is at fault.
    """
    if why := _unlike(path):
        raise NoRecordError(why)
    return os.open(path, flags | _FLAGS, 0o644)


def _unlike(path: Path | str) -> str:
    """Return why a file is none of a run's own, empty where it may be one, or is not there."""
    try:
        about = os.lstat(path)
    except FileNotFoundError:
        return ""
    if stat.S_ISLNK(about.st_mode):
        return "is a link, and links are not followed"
    if not stat.S_ISREG(about.st_mode):
        return "is not a regular file"
    return "has another name elsewhere (a hard link)" if about.st_nlink > 1 else ""


def read_whole(path: Path, most: int) -> bytes:
    """Return the content of a record of at most so many bytes; raises what `open_record` does."""
    with os.fdopen(open_record(path), "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise NoRecordError(f"has more than {most:,} bytes")
    return data


def parse(data: bytes, each: int = DENSE) -> Any:
    """Return the value of strict JSON; NoRecordError.

    A list or object takes a hundred bytes of memory, so that three bytes of text may become thirty
    times as many: there is one for `each` so many bytes, beside a thousand.
    """
    inner = data.count(b"[") + data.count(b"{")
    if inner > 1000 + len(data) // each:
        raise NoRecordError(f"holds {inner:,} lists and objects in {len(data):,} bytes")
    try:
        value = json.loads(data.decode(), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise NoRecordError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NoRecordError(f"not JSON ({error.msg}, byte {error.pos})") from None
    except ValueError:  # a number of thousands of digits
        raise NoRecordError("holds a number that nothing can hold") from None
    except RecursionError:
        raise NoRecordError(f"lists and objects in one another, more than {MAX_DEPTH}") from None
    if inner > MAX_DEPTH and _is_deep(value):
        raise NoRecordError(f"lists and objects in one another, more than {MAX_DEPTH}")
    return value


def _refuse(word: str) -> NoReturn:
    raise NoRecordError(f"holds {word}, which is not JSON")


def _is_deep(value: Any) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def read_as(kind: type[T], data: bytes, each: int = SPARSE) -> tuple[T | None, Problems]:
    """Return the record of this kind that the bytes hold, None with what is wrong with it."""
    try:
        value = parse(data, each)
    except NoRecordError as error:
        return None, (Problem((), str(error)),)
    problems = check_of(kind)(value)
    return (None, problems) if problems else (cast(T, value), ())
