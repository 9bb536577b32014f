"""How a process of the command ends: by an exit code, or by a signal that its caller sees."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from typing import NoReturn

from inputgrad_cli.supervision.temporary_folder import SCRATCH


def end_with(code: int) -> NoReturn:
    """End the process with an exit code, at once; what it wrote aside goes first."""
    SCRATCH.remove()
    os._exit(code)


def end_by(number: int) -> NoReturn:
    """End the process by a signal; from any thread, where `signal.signal` works in one alone."""
    SCRATCH.remove()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).signal(number, None)
        os.kill(os.getpid(), number)
        time.sleep(1)
    os._exit(128 + number)
