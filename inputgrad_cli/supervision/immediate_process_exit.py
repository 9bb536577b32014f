"""Ends a process of the command with an exit code, or by a signal that its caller sees."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from typing import NoReturn

from inputgrad_cli.supervision.temporary_folder import TEMPORARY_FOLDER


def exit_with(code: int) -> NoReturn:
    """Remove the temporary folder and end the process at once with an exit code."""
    TEMPORARY_FOLDER.remove()
    os._exit(code)


def end_by_signal(signal_number: int) -> NoReturn:
    """End the process by a signal, from any thread; `signal.signal` needs the main thread."""
    TEMPORARY_FOLDER.remove()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).signal(signal_number, None)  # the default handler, SIG_DFL
        os.kill(os.getpid(), signal_number)
        time.sleep(1)  # second, in which the signal arrives
    os._exit(128 + signal_number)  # the convention of shells
