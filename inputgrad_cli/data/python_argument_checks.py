"""Checks the types of arguments that Python callers pass."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from inputgrad_cli.errors import UsageError
from inputgrad_cli.spelling_suggestions import format_advice, suggest


def refuse_non_text(texts: Mapping[str, Any]) -> None:
    """Raise UsageError for an argument that is neither text nor None, such as a list of texts."""
    for name, value in texts.items():
        if value is None or isinstance(value, str):
            continue
        is_sequence = isinstance(value, Sequence) and not isinstance(value, bytes)
        raise UsageError(
            f"{name} is a {type(value).__name__}, not text",
            reason="one call makes one result" if is_sequence else "",
            hint=f"call the function once for each {name}" if is_sequence else "",
            received=repr(value)[:100],  # arrays and models print pages
        )


def list_texts(name: str, value: object) -> tuple[str, ...]:
    """Return the texts of an argument that takes one or a list; UsageError for anything else."""
    texts = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if not texts:
        raise UsageError(f"{name} is an empty list", hint=f"name a {name}, or leave it out")
    for text in texts:
        if not isinstance(text, str):
            raise UsageError(
                f"{name} is a {type(text).__name__}, not text", received=repr(text)[:100]
            )
    return texts


def refuse_word(name: str, value: str, words: Sequence[str]) -> None:
    """Raise UsageError if an argument is not one of the words that it accepts."""
    if value not in words:
        listing = f"it is one of {', '.join(words)}"
        raise UsageError(
            f"{name}={value!r} is not known", hint=format_advice(suggest(value, words), listing)
        )


def is_live_model(model: object) -> bool:
    """Return whether this is a Keras model of this process, for which Keras is imported already."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)


def refuse_other_model(model: object) -> None:
    """Raise UsageError for a model that is neither a path nor a Keras model."""
    if isinstance(model, (str, os.PathLike)) or is_live_model(model):
        return
    raise UsageError(
        f"the model is a {type(model).__name__}, neither a path nor a Keras model",
        hint="save it by model.save('NAME.keras') and give that path",
    )
