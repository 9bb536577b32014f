"""JSON that may be hostile: bounded before it is parsed, and shallow enough for all who walk it."""

from __future__ import annotations

import json
from typing import Any

MOST_BYTES = 64 << 20
MOST_VALUES = 2_000_000  # a parsed value takes some 100 bytes; all walks take 4 s
MOST_DEPTH = 300


class BadJsonError(ValueError):
    """The text cannot be taken; the message says why."""


def parse(data: bytes) -> Any:
    """Return what the text holds; BadJsonError says in a few words what is wrong with it."""
    if len(data) > MOST_BYTES:
        raise BadJsonError(f"is too large ({len(data)} bytes, at most {MOST_BYTES})")
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MOST_VALUES:
        raise BadJsonError(f"holds more than {MOST_VALUES} values")
    try:
        value = json.loads(data)
    except RecursionError:
        raise BadJsonError("is nested too deep") from None
    except ValueError:
        raise BadJsonError("is not readable JSON") from None
    if _deeper_than(value, MOST_DEPTH):
        raise BadJsonError("is nested too deep")
    return value


def _deeper_than(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [inner for node in level for inner in _inside(node)]
        if not level:
            return False
    return True


def _inside(node: Any) -> list[Any]:
    values = list(node.values()) if isinstance(node, dict) else node
    if not isinstance(values, list):
        return []
    return [value for value in values if isinstance(value, (dict, list))]
