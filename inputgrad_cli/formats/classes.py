"""The names of a model's classes, wherever they stand."""

from __future__ import annotations

import os

from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.labels import find_labels, read_labels
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.sidecar import read_sidecar


def class_names(file: ModelFile, asked: str | os.PathLike[str] | None = None) -> tuple[str, ...]:
    """Return the names of the classes: as asked, settled in the sidecar, or in MODEL.labels.txt."""
    beside = read_sidecar(file.path) if asked is None else None
    if beside is None:
        return find_labels(file.path, asked)
    if isinstance(beside.labels, tuple):
        return beside.ordered(beside.labels)
    try:
        labels = read_labels(beside.labels) if beside.labels else find_labels(file.path, None)
    except UsageError as error:
        what = f"{beside.path}: {error.what.removeprefix('--')}"
        raise UsageError(what, reason=error.reason, mend=error.mend) from None
    return beside.ordered(labels)
