"""The names that stand in a model file: what can be written, shown and used for files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import objects, setting

MOST_NAME = 200  # characters
# Control characters, halves of a character, line ends, and what turns the direction of a text.
ODD = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
ENDS = ("input_layers", "output_layers")


def is_plain(text: str) -> bool:
    """Return whether UTF-8 can write a text, and a terminal shows it as it is."""
    return ODD.search(text) is None


@reads_config
def refuse_odd_names(config: Any, path: Path) -> None:
    """Raise ModelError for a name in a configuration that cannot be used as one."""
    for what, text in _names(config):
        if not is_plain(text):
            raise ModelError(
                f"{path}: the name of {what} has a control character or half a character",
                reason=f"it is {text[:40]!a}",
                mend="give it a plain name and save the model again",
                kind="unsafe",
            )
        if len(text) > MOST_NAME:
            raise ModelError(
                f"{path}: the name of {what} has {len(text)} characters, at most {MOST_NAME}",
                reason=f"it begins with {text[:40]!a}",
                mend="give it a shorter name and save the model again",
                kind="unsafe",
            )


def _names(config: Any) -> Iterator[tuple[str, str]]:
    """Yield what a name is that of, and the name: of objects, layers, inputs and outputs."""
    for node in objects(config):
        texts = {
            "a layer": node.get("name"),
            "a layer or object": setting(node, "name"),
            "a class": node["class_name"],
            "a module": node.get("module"),
            "a registered class": node.get("registered_name"),
            "a function": node.get("config"),
        }
        yield from ((what, text) for what, text in texts.items() if isinstance(text, str))
        for end in ENDS:
            for text in _words(setting(node, end)):
                yield f"one of the {end.replace('_', ' ')}", text


def _words(node: Any) -> Iterator[str]:
    """Yield every text in a nest, the keys of its dictionaries included."""
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            stack.extend([*item.keys(), *item.values()])
        elif isinstance(item, list):
            stack.extend(item)
