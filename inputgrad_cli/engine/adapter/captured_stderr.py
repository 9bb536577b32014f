"""Captures what C++ code and Keras write to stderr while a model is opened."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class CapturedOutput:
    """The captured lines, in order."""

    def __init__(self) -> None:
        self.text = ""

    @contextmanager
    def capture(self) -> Iterator[None]:
        """Capture everything written to file descriptor 2, and Python's warnings, in this block.

        TensorFlow writes before its log level is set, so the descriptor itself is redirected.
        """
        with tempfile.TemporaryFile() as spool, warnings.catch_warnings(record=True) as caught:
            # Python shows a warning only once, and `weight_check` looks for one in every model.
            warnings.simplefilter("always")
            saved = _redirect_stderr(spool.fileno())
            try:
                yield
            finally:
                _restore_stderr(saved)
                spool.seek(0)
                self.text += spool.read().decode(errors="replace")
                self.text += "".join(f"{w.category.__name__}: {w.message}\n" for w in caught)


def _redirect_stderr(target: int) -> int | None:
    """Redirect file descriptor 2 to `target`, and return a duplicate to restore it."""
    if sys.stderr is not None:
        # What Python has buffered so far is meant for the user.
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # stderr was closed by the caller
        return None
    os.dup2(target, 2)
    return saved


def _restore_stderr(saved: int | None) -> None:
    """Undo `_redirect_stderr`."""
    if saved is None:
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    os.dup2(saved, 2)
    os.close(saved)
