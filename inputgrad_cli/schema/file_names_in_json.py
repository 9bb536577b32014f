"""Encodes file names, which are bytes, in records, which are strict JSON.

A name that is not UTF-8 is written twice: readable, with escapes, and exact, in base64.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping

BASE64_SUFFIX = "_b64"  # ends the key of the field that holds the exact bytes of a name
# No part is `.` or `..`, which would lead out of the directory, or give a file two names.
INSIDE_PATTERN = re.compile(r"(?!\.{1,2}(?:/|\Z))[^/]+(?:/(?!\.{1,2}(?:/|\Z))[^/]+)*", re.S)
MAX_NAME, MAX_PATH = 255, 4096  # bytes of a name in most file systems, and of a path (PATH_MAX)


def to_readable_name(name: str) -> str:
    """Return the name with bytes that are not UTF-8 written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def encode_name(key: str, name: str) -> dict[str, str]:
    """Return the fields that hold a name: readable, and also in base64 if that differs."""
    readable = to_readable_name(name)
    if readable == name:
        return {key: name}
    return {key: readable, key + BASE64_SUFFIX: base64.b64encode(os.fsencode(name)).decode()}


def decode_name(record: Mapping[str, object], key: str) -> str:
    """Return the name that `encode_name` wrote; ValueError if its base64 is invalid."""
    exact = record.get(key + BASE64_SUFFIX)
    return str(record[key]) if exact is None else decode_base64_name(str(exact))


def decode_base64_name(exact: str) -> str:
    """Return the name that is encoded in base64; ValueError."""
    return os.fsdecode(base64.b64decode(exact, validate=True))


def is_path(text: str) -> bool:
    """Return whether the text can be the path of a file on some system."""
    if not text or "\0" in text or len(text) > MAX_PATH:
        return False
    # No character takes more than four bytes, so that most names need not be encoded.
    return len(text) <= MAX_PATH // 4 or len(os.fsencode(text)) <= MAX_PATH


def is_inside(name: str) -> bool:
    """Return whether `name` is a normalized relative path that stays below its directory."""
    if not is_path(name) or not INSIDE_PATTERN.fullmatch(name):
        return False
    return len(name) <= MAX_NAME // 4 or all(
        len(os.fsencode(part)) <= MAX_NAME for part in name.split("/")
    )


def is_normalized(text: str) -> bool:
    """Return whether a path is normalized, as all paths are that inputgrad writes."""
    return is_path(text) and os.path.normpath(text) == text


def is_absolute(text: str) -> bool:
    """Return whether a path is absolute."""
    return is_path(text) and os.path.isabs(text)
