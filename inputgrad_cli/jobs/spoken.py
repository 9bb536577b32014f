"""File names are bytes; records are strict JSON. A name that is no UTF-8 stands there twice."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any


def plain(name: str) -> str:
    """Return the name, bytes that are no UTF-8 written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def spoken(key: str, name: str) -> dict[str, str]:
    """Return the fields that hold a name: readable, and exact in base64 where that differs."""
    readable = plain(name)
    if readable == name:
        return {key: name}
    return {key: readable, f"{key}_b64": base64.b64encode(os.fsencode(name)).decode()}


def heard(record: Mapping[str, Any], key: str) -> str:
    """Return the name that `spoken` wrote."""
    exact = record.get(f"{key}_b64")
    return str(record[key]) if exact is None else os.fsdecode(base64.b64decode(exact))
