"""Where Python was when a signal of the machine ended a worker: a file, kept only if one did."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import tempfile

from inputgrad_cli.supervision.temporary_folder import SCRATCH

NAME = ".faults"


def write_traces() -> None:
    """Let Python write a traceback where a signal of the machine ends this process."""
    if SCRATCH.folder is not None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with contextlib.suppress(OSError):
            faulthandler.enable(os.open(SCRATCH.folder / NAME, flags, 0o600))


def save_trace() -> str:
    """Move a traceback out of the call's directory, which goes; return its path, or nothing."""
    if SCRATCH.folder is None:
        return ""
    trace = SCRATCH.folder / NAME
    with contextlib.suppress(OSError):
        if trace.stat().st_size:
            handle, path = tempfile.mkstemp(".log", "inputgrad-", SCRATCH.outside())
            os.close(handle)
            os.replace(trace, path)
            return path
    return ""
