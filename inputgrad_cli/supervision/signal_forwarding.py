"""Receives the signals of the parent process, which passes them on and never dies of one."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 5.0  # in which a batch must end after a first signal
# Two equal signals within this time count as one: `timeout` signals the process, then its group.
ECHO_SECONDS = 0.1
# SIGTSTP is not among them: if the process stopped itself in answer to it, a SIGCONT that arrives
# just before that would be lost, and nothing would continue the process.
RECEIVED_SIGNALS = (*ENDING_SIGNALS, signal.SIGCONT, signal.SIGCHLD)


class SignalReceiver:
    """Receives signals until `close`; signals that were ignored before stay ignored."""

    def __init__(self) -> None:
        self._handlers_before: dict[int, Any] = {}
        self._read, self._write = os.pipe()
        for descriptor in (self._read, self._write):
            os.set_blocking(descriptor, False)
        self._wakeup_fd_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for signal_number in RECEIVED_SIGNALS:
            if signal_number == signal.SIGCHLD or signal.getsignal(signal_number) != signal.SIG_IGN:
                self._handlers_before[signal_number] = signal.signal(signal_number, _ignore_signal)

    def close(self) -> None:
        """Stop receiving, and restore the previous handlers."""
        signal.set_wakeup_fd(self._wakeup_fd_before)
        for signal_number, handler in self._handlers_before.items():
            signal.signal(signal_number, signal.SIG_DFL if handler is None else handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float | None) -> list[int]:
        """Return the signals received, as soon as there are any, or [] after `seconds`."""
        select.select([self._read], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            return list(os.read(self._read, 4096))
        return []


def _ignore_signal(signal_number: int, frame: FrameType | None) -> None:
    """Do nothing, because the signal has already woken `SignalReceiver.wait`."""


@contextlib.contextmanager
def block_signals() -> Iterator[None]:
    """Block signals while handlers change; they are delivered at the end of the block."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, RECEIVED_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
