"""What binds a worker to its parent: it ends when that is killed, and stops when that stops."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import threading

from inputgrad_cli.supervision.shared_page import Page

DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux
EVERY = 0.05  # seconds between two looks at the parent
STOPPED = b"Tt"  # states of a process in /proc


def link_to_parent(parent: int, alive: int, page: Page) -> None:
    """Bind this process to `parent`, which holds the other end of the pipe `alive`."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it was killed before
            _end()
    link = _ParentLink(parent, alive, page)
    with contextlib.suppress(RuntimeError):  # no memory for a thread, which what comes will say
        threading.Thread(target=link.run, daemon=True, name="parent").start()


class _ParentLink:
    """The thread that looks at the parent: SIGSTOP cannot be passed on by the one that it stops."""

    def __init__(self, parent: int, alive: int, page: Page) -> None:
        self._alive, self._page = alive, page
        self._about: int | None = None
        with contextlib.suppress(OSError):
            self._about = os.open(f"/proc/{parent}/stat", os.O_RDONLY | os.O_CLOEXEC)

    def run(self) -> None:
        """Look until the parent is gone."""
        while not select.select([self._alive], [], [], EVERY)[0]:
            if self._is_stopped():
                self._page.paused = True  # until the parent goes on, which then wakes this one
                os.kill(os.getpid(), signal.SIGSTOP)
                self._page.paused = False
        _end()  # nobody writes into the pipe: its other end is closed

    def _is_stopped(self) -> bool:
        if self._about is None:
            return False
        try:
            about = os.pread(self._about, 4096, 0)
        except OSError:
            return False
        return about.rpartition(b")")[2].split()[0] in STOPPED


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
