"""Opens and reads records without trusting them: links, pipes and oversized text are refused."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from inputgrad_cli.schema.field_constraints import Problem, Problems
from inputgrad_cli.schema.json_type_checks import get_check
from inputgrad_cli.schema.record_limits import MAX_DEPTH

T = TypeVar("T")
RECORD_BYTES_PER_CONTAINER = 32  # at least, on average; a file with its hash takes 130
METADATA_BYTES_PER_CONTAINER = 12  # at least: each sample may have a list with the index of a class
TOO_DEEP = f"nests more than {MAX_DEPTH} lists and objects"
# No link is followed, the opening of a pipe does not wait for its writer, and no child process
# inherits the descriptor.
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class InvalidRecordError(Exception):
    """A file is not a valid record; the text says why, as the end of a sentence."""


def open_record(path: Path | str, flags: int = os.O_RDONLY) -> int:
    """Return the file descriptor of one of a run's own files, opened without following a link.

    A file with several hard links is refused because a write would change the other name as well.
    Raises InvalidRecordError, and OSError if the system refuses.
    """
    if reason := _find_refusal(path):
        raise InvalidRecordError(reason)
    return os.open(path, flags | _FLAGS, 0o644)


def _find_refusal(path: Path | str) -> str:
    """Return why a file cannot be one of a run's own; "" if it can be, or does not exist."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return ""
    if stat.S_ISLNK(status.st_mode):
        return "is a link, and links are not followed"
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"
    return "has another name elsewhere (a hard link)" if status.st_nlink > 1 else ""


def read_record_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a record of at most `limit` bytes; raises what `open_record` does."""
    with os.fdopen(open_record(path), "rb") as file:
        # The size that the system names may grow meanwhile; one byte too many is proof enough.
        data = file.read(limit + 1)
    if len(data) > limit:
        raise InvalidRecordError(f"has more than {limit:,} bytes")
    return data


def parse_json(data: bytes, bytes_per_container: int = METADATA_BYTES_PER_CONTAINER) -> Any:
    """Return the value of strict JSON; InvalidRecordError.

    An empty list takes 3 bytes of text, but about 100 bytes of memory. Therefore the text may hold
    1,000 lists and objects, and one more for each `bytes_per_container` bytes.
    """
    containers = data.count(b"[") + data.count(b"{")
    if containers > 1000 + len(data) // bytes_per_container:
        raise InvalidRecordError(f"holds {containers:,} lists and objects in {len(data):,} bytes")
    try:
        value = json.loads(data.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise InvalidRecordError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidRecordError(f"not JSON ({error.msg}, byte {error.pos})") from None
    except ValueError:  # an integer of thousands of digits: Python limits their length
        raise InvalidRecordError("contains a number with too many digits") from None
    except RecursionError:
        raise InvalidRecordError(TOO_DEEP) from None
    if containers > MAX_DEPTH and _is_deep(value):
        raise InvalidRecordError(TOO_DEEP)
    return value


def _refuse_constant(word: str) -> NoReturn:
    raise InvalidRecordError(f"holds {word}, which is not JSON")


def _is_deep(value: Any) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    # Level by level, because a recursion could fail at the depth that it is to find.
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


def parse_record(
    kind: type[T], data: bytes, bytes_per_container: int = RECORD_BYTES_PER_CONTAINER
) -> tuple[T | None, Problems]:
    """Return the record of this type, or None, and the problems that make it invalid."""
    try:
        value = parse_json(data, bytes_per_container)
    except InvalidRecordError as error:
        return None, (Problem((), str(error)),)
    problems = get_check(kind)(value)
    return (None, problems) if problems else (cast(T, value), ())
