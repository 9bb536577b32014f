"""Receives the signals of the watching process, which passes them on and never dies of one."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 5.0  # seconds that a batch has to end in after a first signal
ECHO = 0.1  # seconds; `timeout` sends its signal to the process, and again to its group
HEARD = (*ENDING, signal.SIGTSTP, signal.SIGCONT, signal.SIGCHLD)


class SignalReceiver:
    """Receives signals until `close`; those that were ignored at its start stay so."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        self._descriptor = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in HEARD:
            if number == signal.SIGCHLD or signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, _nothing)

    def close(self) -> None:
        """Hear no more, and put back what was there before."""
        signal.set_wakeup_fd(self._descriptor)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float | None) -> list[int]:
        """Return the signals that came, as soon as there are any, at the latest after `seconds`."""
        select.select([self._read], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            return list(os.read(self._read, 4096))
        return []

    def stop(self, number: int) -> None:
        """Stop this process as the signal does, until it is to go on."""
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, _nothing)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Leave it to `SignalReceiver.wait`, which the signal has woken."""


@contextlib.contextmanager
def block_signals() -> Iterator[None]:
    """Let signals wait until the end of this block, in which handlers change."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
