"""The serialized objects inside a configuration: dictionaries with a `class_name`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def objects(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every serialized object, the outermost first, in file order."""
    stack = [config]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            if isinstance(node.get("class_name"), str):
                yield node
            stack.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            stack.extend(reversed(node))


def layers(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the layers of a Sequential or Functional configuration, else an empty list."""
    inner = config.get("config")
    found = inner.get("layers") if isinstance(inner, Mapping) else None
    return [node for node in found if isinstance(node, Mapping)] if isinstance(found, list) else []


def name_of(node: Mapping[str, Any]) -> str:
    """Return the name of a layer."""
    inner = node.get("config")
    inner_name = inner.get("name") if isinstance(inner, Mapping) else None
    return str(node.get("name") or inner_name or "")


def module_of(node: Mapping[str, Any]) -> str | None:
    """Return the module that an object is written with, None where there is none."""
    module = node.get("module")
    return module if isinstance(module, str) else None


def setting(node: Mapping[str, Any], key: str) -> Any:
    """Return a value of the layer's own configuration, None where it is absent."""
    inner = node.get("config")
    return inner.get(key) if isinstance(inner, Mapping) else None


def version_numbers(version: str) -> list[int]:
    """Return the leading numbers of a version, `[3, 15, 1]`, or nothing."""
    found = []
    for part in version.split("."):
        if not part.isdecimal() or len(part) > 6:
            break
        found.append(int(part))
    return found
