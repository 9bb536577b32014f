"""Reads text files, each one sample of a model with a single text input."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.files import decode_text
from inputgrad_cli.numeric.arrays import Array


def is_text_input(spec: InputSpec) -> bool:
    """Return whether a sample of the input is a single text."""
    return spec.kind == "text" and spec.shape in (None, (), (1,))


def read_text(data: bytes, spec: InputSpec, where: str) -> Array:
    """Return the text as one sample, (1,) or (1, 1), without the line end that editors add.

    Raises ItemError (kinds `dtype`, `unreadable`, `empty`).
    """
    if not is_text_input(spec):
        raise ItemError(f"{where}: a text does not fit input {spec}", kind="dtype")
    text = decode_text(data, where, "UTF-8 text").removesuffix("\n").removesuffix("\r")
    if not text.strip() or "\0" in text:
        problem = "holds a NUL byte" if text.strip() else "holds no text"
        raise ItemError(f"{where}: {problem}", kind="unreadable" if text.strip() else "empty")
    return np.array([text] if spec.shape != (1,) else [[text]])
