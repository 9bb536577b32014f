"""Finds the class names of a model in a labels file or in its sidecar."""

from __future__ import annotations

import os

from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.class_name_files import find_labels, read_labels
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.sidecar_settings import read_sidecar


def read_class_names(
    file: ModelFile, labels_path: str | os.PathLike[str] | None = None
) -> tuple[str, ...]:
    """Return the class names from `labels_path`, else from the sidecar, else MODEL.labels.txt.

    Raises UsageError if a file that is named there cannot be read.
    """
    sidecar = read_sidecar(file.path) if labels_path is None else None
    if sidecar is None:
        return find_labels(file.path, labels_path)
    if isinstance(sidecar.labels, tuple):
        return sidecar.order_labels(sidecar.labels)
    try:
        labels = read_labels(sidecar.labels) if sidecar.labels else find_labels(file.path, None)
    except UsageError as error:
        message = f"{sidecar.path}: {error.message.removeprefix('--')}"
        raise UsageError(message, reason=error.reason, hint=error.hint) from None
    return sidecar.order_labels(labels)
