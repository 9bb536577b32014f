"""Writes Python's traceback to a file if a fatal signal ends a worker."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import tempfile

from inputgrad_cli.supervision.temporary_folder import TEMPORARY_FOLDER

TRACE_NAME = ".faults"


def write_traces() -> None:
    """Let Python write a traceback if a fatal signal ends this process."""
    if TEMPORARY_FOLDER.folder is not None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with contextlib.suppress(OSError):
            faulthandler.enable(os.open(TEMPORARY_FOLDER.folder / TRACE_NAME, flags, 0o600))


def save_trace() -> str:
    """Move the traceback out of the temporary folder of the call; return its path, or ""."""
    if TEMPORARY_FOLDER.folder is None:
        return ""
    trace = TEMPORARY_FOLDER.folder / TRACE_NAME
    with contextlib.suppress(OSError):
        if trace.stat().st_size:
            handle, path = tempfile.mkstemp(
                ".log", "inputgrad-", TEMPORARY_FOLDER.get_outer_folder()
            )
            os.close(handle)
            os.replace(trace, path)
            return path
    return ""
