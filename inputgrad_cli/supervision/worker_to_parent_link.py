"""Links a worker to its parent: it ends when the parent is killed, and stops when that stops."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import threading

from inputgrad_cli.supervision.shared_memory_page import Page

DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux
POLL_SECONDS = 0.05  # between two checks of the parent
STOPPED_STATES = b"Tt"  # of a process in /proc: stopped by a signal, or by a debugger


def link_to_parent(parent: int, alive: int, page: Page) -> None:
    """Link this process to `parent`, which holds the other end of the pipe `alive`."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent was killed before the call of prctl
            _kill_self()
    link = _ParentLink(parent, alive, page)
    with contextlib.suppress(
        RuntimeError
    ):  # no memory for a thread; the next allocation reports that
        threading.Thread(target=link.run, daemon=True, name="parent").start()


class _ParentLink:
    """Checks the parent in a thread, because a process that is stopped cannot signal its worker."""

    def __init__(self, parent: int, alive: int, page: Page) -> None:
        self._alive, self._page = alive, page
        self._stat_file: int | None = None
        with contextlib.suppress(OSError):
            self._stat_file = os.open(f"/proc/{parent}/stat", os.O_RDONLY | os.O_CLOEXEC)

    def run(self) -> None:
        """Check the parent until it is gone, then end this process."""
        while not select.select([self._alive], [], [], POLL_SECONDS)[0]:
            if self._is_stopped():
                self._page.paused = True  # the parent continues this process when it runs again
                os.kill(os.getpid(), signal.SIGSTOP)
                self._page.paused = False
        _kill_self()  # the pipe is readable only because its other end was closed

    def _is_stopped(self) -> bool:
        if self._stat_file is None:
            return False
        try:
            # Enough for the line: a short name and some fifty numbers.
            status = os.pread(self._stat_file, 4096, 0)
        except OSError:
            return False
        # The name of the process comes first, in brackets, and may itself contain brackets.
        return status.rpartition(b")")[2].split()[0] in STOPPED_STATES


def _kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
