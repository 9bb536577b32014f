"""Class names: one a line, or JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import UsageError
from inputgrad_cli.missing import mend_missing, typed


def find_labels(model: Path, asked: str | os.PathLike[str] | None) -> tuple[str, ...]:
    """Return the class names of the file asked for, else of MODEL.labels.txt, else none."""
    if asked is not None:
        return read_labels(Path(asked))
    beside = model.with_name(model.stem + ".labels.txt")
    return read_labels(beside) if beside.is_file() else ()


def read_labels(path: Path) -> tuple[str, ...]:
    """Return class names; JSON may be a list, or an object of numbers to names or back."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--labels {typed(path)}: cannot be read",
            reason=getattr(error, "strerror", None) or "not a text file",
            mend=mend_missing(path, "") if isinstance(error, FileNotFoundError) else "",
        ) from None
    if path.suffix.lower() != ".json":
        return tuple(line.strip() for line in text.rstrip("\n").split("\n"))
    try:
        return _from_json(json.loads(text))
    except (ValueError, TypeError, KeyError):
        raise UsageError(
            f"--labels {path}: not a list of names",
            mend='write ["cat", "dog"] or {"0": "cat", "1": "dog"}',
        ) from None


def _from_json(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        pairs = list(value.items())
        if all(isinstance(number, int) for number in value.values()):
            pairs = [(number, name) for name, number in value.items()]
        # As in the class index of ImageNet, a name may come as [id, name].
        by_number = {int(k): v[-1] if isinstance(v, list) else v for k, v in pairs}
        return tuple(str(by_number[number]) for number in range(len(by_number)))
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(str(name) for name in value)
