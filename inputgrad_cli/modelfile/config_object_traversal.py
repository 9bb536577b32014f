"""Walks the serialized objects of a configuration, which are dictionaries with a `class_name`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ENDS = ("input_layers", "output_layers")  # the keys under which a graph names its ends


def walk_objects(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every serialized object in file order, the outermost first."""
    stack = [config]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            if isinstance(node.get("class_name"), str):
                yield node
            stack.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            stack.extend(reversed(node))


def list_layers(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the layers of a Sequential or Functional configuration, or an empty list."""
    inner = config.get("config")
    nodes = inner.get("layers") if isinstance(inner, Mapping) else None
    return [node for node in nodes if isinstance(node, Mapping)] if isinstance(nodes, list) else []


def get_name(node: Mapping[str, Any]) -> str:
    """Return the name of a layer."""
    inner = node.get("config")
    inner_name = inner.get("name") if isinstance(inner, Mapping) else None
    return str(node.get("name") or inner_name or "")


def get_module(node: Mapping[str, Any]) -> str | None:
    """Return the module that is written with an object, None if there is none."""
    module = node.get("module")
    return module if isinstance(module, str) else None


def get_setting(node: Mapping[str, Any], key: str) -> Any:
    """Return a value of the layer's configuration, None if it is absent."""
    inner = node.get("config")
    return inner.get(key) if isinstance(inner, Mapping) else None


def parse_version(version: str) -> list[int]:
    """Return the leading numbers of a version as in `[3, 15, 1]`, or an empty list."""
    numbers = []
    for part in version.split("."):
        if not part.isdecimal() or len(part) > 6:  # more digits are no version
            break
        numbers.append(int(part))
    return numbers
