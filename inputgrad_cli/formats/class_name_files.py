"""Reads class names from a text file with one name per line, or from JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import UsageError
from inputgrad_cli.modelfile import safe_json
from inputgrad_cli.modelfile.bounded_text_reading import read_small_file
from inputgrad_cli.modelfile.unsafe_name_checks import MAX_CLASS_NAME_LENGTH, is_class_name


def find_labels(model: Path, labels_path: str | os.PathLike[str] | None) -> tuple[str, ...]:
    """Return the class names in `labels_path`, else in MODEL.labels.txt, else an empty tuple."""
    if labels_path is not None:
        return read_labels(Path(labels_path), regular=False)
    path = model.with_name(model.stem + ".labels.txt")
    return read_labels(path) if path.is_file() else ()


def read_labels(path: Path, regular: bool = True) -> tuple[str, ...]:
    """Return the class names of a file.

    JSON may hold a list, an object from numbers to names, or one from names to numbers. Unless
    `regular` is set, the file may also be a pipe. Raises UsageError.
    """
    text = read_small_file(path, "--labels", regular)
    if path.suffix.lower() != ".json":
        if not (lines := text.rstrip("\n")):
            raise UsageError(f"--labels {path}: is empty", hint="write one name a line")
        return _check_names(tuple(line.strip() for line in lines.split("\n")), path)
    try:
        return _check_names(_from_json(safe_json.parse(text.encode())), path)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError):
        raise UsageError(
            f"--labels {path}: not a list of names",
            hint='write ["cat", "dog"] or {"0": "cat", "1": "dog"}',
        ) from None


def _from_json(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        pairs = list(value.items())
        if all(isinstance(index, int) for index in value.values()):
            pairs = [(index, name) for name, index in value.items()]
        # A name may be written as [id, name], as in the class index of ImageNet.
        by_index = {int(k): v[-1] if isinstance(v, list) else v for k, v in pairs}
        value = [by_index[index] for index in range(len(by_index))]
    if not isinstance(value, list) or not all(isinstance(v, (str, int, float)) for v in value):
        raise TypeError(value)
    return tuple(str(name) for name in value)


def _check_names(names: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """Return the names. Raises UsageError if a name cannot be written or shown."""
    for index, name in enumerate(names):
        if not is_class_name(name):
            raise UsageError(
                f"--labels {path}: the name of class {index} cannot be shown",
                reason="it has a control character, or more than "
                f"{MAX_CLASS_NAME_LENGTH} characters",
                received=f"{name[:40]!a}",
            )
    return names
