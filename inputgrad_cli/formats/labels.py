"""Class names: one a line, or JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import UsageError
from inputgrad_cli.modelfile import safe_json
from inputgrad_cli.modelfile.name_checks import is_plain
from inputgrad_cli.modelfile.small_files import read_small

MOST_NAME = 1000  # characters: ImageNet lists several words for a class


def find_labels(model: Path, asked: str | os.PathLike[str] | None) -> tuple[str, ...]:
    """Return the class names of the file asked for, else of MODEL.labels.txt, else none."""
    if asked is not None:
        return read_labels(Path(asked), regular=False)
    beside = model.with_name(model.stem + ".labels.txt")
    return read_labels(beside) if beside.is_file() else ()


def read_labels(path: Path, regular: bool = True) -> tuple[str, ...]:
    """Return class names; JSON may be a list, or an object of numbers to names or back.

    Unless `regular`, they may come from a pipe as well. UsageError.
    """
    text = read_small(path, "--labels", regular)
    if path.suffix.lower() != ".json":
        return _plain(tuple(line.strip() for line in text.rstrip("\n").split("\n")), path)
    try:
        return _plain(_from_json(safe_json.parse(text.encode())), path)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError):
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
        value = [by_number[number] for number in range(len(by_number))]
    if not isinstance(value, list) or not all(isinstance(v, (str, int, float)) for v in value):
        raise TypeError(value)
    return tuple(str(name) for name in value)


def _plain(names: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """Return the names; UsageError where one cannot be written or shown."""
    for number, name in enumerate(names):
        if len(name) > MOST_NAME or not is_plain(name.replace("\t", " ")):
            raise UsageError(
                f"--labels {path}: the name of class {number} cannot be shown",
                reason=f"it has a control character, or more than {MOST_NAME} characters",
                received=f"{name[:40]!a}",
            )
    return names
