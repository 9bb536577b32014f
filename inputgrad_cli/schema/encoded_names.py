"""File names are bytes; records are strict JSON. A name that is no UTF-8 stands there twice."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping

TWIN = "_b64"  # ends the field that holds the exact bytes of a name
INSIDE = re.compile(r"(?!\.{1,2}(?:/|\Z))[^/]+(?:/(?!\.{1,2}(?:/|\Z))[^/]+)*", re.S)
MAX_NAME, MAX_PATH = 255, 4096  # bytes that file systems take for a name, and systems for a path


def plain(name: str) -> str:
    """Return the name, bytes that are no UTF-8 written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def spoken(key: str, name: str) -> dict[str, str]:
    """Return the fields that hold a name: readable, and exact in base64 where that differs."""
    readable = plain(name)
    if readable == name:
        return {key: name}
    return {key: readable, key + TWIN: base64.b64encode(os.fsencode(name)).decode()}


def heard(record: Mapping[str, object], key: str) -> str:
    """Return the name that `spoken` wrote; ValueError where it is no base64."""
    exact = record.get(key + TWIN)
    return str(record[key]) if exact is None else decode_name(str(exact))


def decode_name(exact: str) -> str:
    """Return the name that stands in base64; ValueError."""
    return os.fsdecode(base64.b64decode(exact, validate=True))


def is_path(text: str) -> bool:
    """Return whether a system may take this text for the path of a file."""
    if not text or "\0" in text or len(text) > MAX_PATH:
        return False
    return len(text) <= MAX_PATH // 4 or len(os.fsencode(text)) <= MAX_PATH


def is_inside(name: str) -> bool:
    """Return whether this is the name of a file below a directory, written in one way only."""
    if not is_path(name) or not INSIDE.fullmatch(name):
        return False
    return len(name) <= MAX_NAME // 4 or all(
        len(os.fsencode(part)) <= MAX_NAME for part in name.split("/")
    )


def is_straight(text: str) -> bool:
    """Return whether a path goes straight to its file, as those that we write do."""
    return is_path(text) and os.path.normpath(text) == text


def is_absolute(text: str) -> bool:
    """Return whether a path begins at the root."""
    return is_path(text) and os.path.isabs(text)
