"""Refuses names in a model file that cannot be encoded, shown or used as file names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import ENDS, get_setting, walk_objects

MAX_NAME_LENGTH = 200  # characters
MAX_CLASS_NAME_LENGTH = 1000  # ImageNet lists several words for some classes
# Control characters, line separators, marks of text direction, and lone surrogates.
ODD_CHARACTERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def make_unsafe_error(path: Path, message: str, reason: str = "") -> ModelError:
    """Return the error of a file that could do harm."""
    return ModelError(f"{path}: {message}", reason=reason, kind="unsafe")


def is_printable_text(text: str) -> bool:
    """Return whether UTF-8 can encode a text and a terminal shows it unchanged."""
    return ODD_CHARACTERS.search(text) is None


def is_class_name(name: str) -> bool:
    """Return whether a class can have a name: it is printable, and not too long for a line."""
    return len(name) <= MAX_CLASS_NAME_LENGTH and is_printable_text(name.replace("\t", " "))


@convert_config_errors
def refuse_odd_names(config: Any, path: Path) -> None:
    """Raise ModelError for a name in a configuration that is not printable or too long."""
    for label, text in _walk_names(config):
        if not is_printable_text(text):
            raise ModelError(
                f"{path}: the name of {label} has a control character or half a character",
                reason=f"it is {text[:40]!a}",
                hint="give it a plain name and save the model again",
                kind="unsafe",
            )
        if len(text) > MAX_NAME_LENGTH:
            raise ModelError(
                f"{path}: the name of {label} has {len(text)} characters, "
                f"at most {MAX_NAME_LENGTH}",
                reason=f"it begins with {text[:40]!a}",
                hint="give it a shorter name and save the model again",
                kind="unsafe",
            )


def _walk_names(config: Any) -> Iterator[tuple[str, str]]:
    """Yield pairs of label and name for all objects, layers, inputs and outputs."""
    for node in walk_objects(config):
        texts = {
            "a layer": node.get("name"),
            "a layer or object": get_setting(node, "name"),
            "a class": node["class_name"],
            "a module": node.get("module"),
            "a registered class": node.get("registered_name"),
            "a function": node.get("config"),
        }
        yield from ((label, text) for label, text in texts.items() if isinstance(text, str))
        for end in ENDS:
            for text in _walk_texts(get_setting(node, end)):
                yield f"one of the {end.replace('_', ' ')}", text


def _walk_texts(node: Any) -> Iterator[str]:
    """Yield every text in nested lists and dictionaries, including their keys."""
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            stack.extend([*item.keys(), *item.values()])
        elif isinstance(item, list):
            stack.extend(item)
