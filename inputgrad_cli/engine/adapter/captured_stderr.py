"""Keeps what C++ code and Keras write to stderr while a model is opened."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class Noise:
    """The lines that were kept, in order."""

    def __init__(self) -> None:
        self.text = ""

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep everything written to file descriptor 2, and Python's warnings, in this block.

        TensorFlow writes before its log level is known, so only the descriptor can be turned.
        """
        with tempfile.TemporaryFile() as spool, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            saved = _turn_stderr(spool.fileno())
            try:
                yield
            finally:
                _restore_stderr(saved)
                spool.seek(0)
                self.text += spool.read().decode(errors="replace")
                self.text += "".join(f"{w.category.__name__}: {w.message}\n" for w in caught)


def _turn_stderr(target: int) -> int | None:
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # stderr was closed by the caller
        return None
    os.dup2(target, 2)
    return saved


def _restore_stderr(saved: int | None) -> None:
    if saved is None:
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    os.dup2(saved, 2)
    os.close(saved)
