"""Parses untrusted JSON within limits of size, count and depth."""

from __future__ import annotations

import json
from typing import Any

MAX_BYTES = 64 << 20  # of the text
MAX_VALUES = 2_000_000  # a parsed value takes some 100 bytes; all walks take 4 s
MAX_DEPTH = 300  # of nesting, so that recursive walks do not overflow the stack


class BadJsonError(ValueError):
    """Raised for a text that cannot be parsed; the message says why."""


def parse(data: bytes) -> Any:
    """Return the parsed value; BadJsonError with a short reason if the text is refused."""
    if len(data) > MAX_BYTES:
        raise BadJsonError(f"is too large ({len(data)} bytes, at most {MAX_BYTES})")
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_VALUES:
        raise BadJsonError(f"holds more than {MAX_VALUES} values")
    try:
        value = json.loads(data)
    except RecursionError:
        raise BadJsonError("is nested too deep") from None
    except ValueError:
        raise BadJsonError("is not readable JSON") from None
    if _is_deeper_than(value, MAX_DEPTH):
        raise BadJsonError("is nested too deep")
    return value


def _is_deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [inner for node in level for inner in _list_containers(node)]
        if not level:
            return False
    return True


def _list_containers(node: Any) -> list[Any]:
    values = list(node.values()) if isinstance(node, dict) else node
    if not isinstance(values, list):
        return []
    return [value for value in values if isinstance(value, (dict, list))]
