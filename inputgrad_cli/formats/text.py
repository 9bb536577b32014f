"""Text files: one text for a model with a single text input."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.files import text_of
from inputgrad_cli.numeric.arrays import Array


def takes_text(port: Port) -> bool:
    """Return whether the input takes one text a sample."""
    return port.kind == "text" and port.shape in (None, (), (1,))


def read_text(data: bytes, port: Port, where: str) -> Array:
    """Return the text as one sample, (1,) or (1, 1), without the line end that editors add."""
    if not takes_text(port):
        raise ItemError(f"{where}: a text does not fit input {port}", kind="dtype")
    text = text_of(data, where, "UTF-8 text").removesuffix("\n").removesuffix("\r")
    if not text.strip() or "\0" in text:
        what = "holds a NUL byte" if text.strip() else "holds no text"
        raise ItemError(f"{where}: {what}", kind="unreadable" if text.strip() else "empty")
    return np.array([text] if port.shape != (1,) else [[text]])
