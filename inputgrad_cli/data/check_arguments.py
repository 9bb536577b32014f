"""What Python callers pass, refused in a sentence where it is of another kind than is taken."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from inputgrad_cli.errors import UsageError
from inputgrad_cli.suggest import advice, suggest


def refuse_kinds(texts: Mapping[str, Any]) -> None:
    """Raise UsageError for an argument that is neither text nor None; several go one by one."""
    for name, value in texts.items():
        if value is None or isinstance(value, str):
            continue
        several = isinstance(value, Sequence) and not isinstance(value, bytes)
        raise UsageError(
            f"{name} is a {type(value).__name__}, not text",
            reason="one call makes one map" if several else "",
            mend=f"call explain once for each {name}" if several else "",
            received=repr(value)[:100],
        )


def refuse_word(name: str, value: str, words: Sequence[str]) -> None:
    """Raise UsageError for a word that is none of those an argument takes."""
    if value not in words:
        listing = f"it is one of {', '.join(words)}"
        raise UsageError(
            f"{name}={value!r} is not known", mend=advice(suggest(value, words), listing)
        )


def refuse_live(model: object) -> None:
    """Raise UsageError for a model that is no path: one that lives in Python, for example."""
    if isinstance(model, (str, os.PathLike)):
        return
    raise UsageError(
        f"the model is a {type(model).__name__}, not a path",
        reason="models are read from their files",
        mend="save it by model.save('NAME.keras') and give that path",
    )
