"""Ends a run on a signal: after the current batch or, at a second signal or five seconds, at once.

Python runs a signal handler only between two of its own instructions, and one call of TensorFlow
can take a minute. Therefore a thread waits as well; it is woken by the descriptor that signals are
written to. It may end the process at any moment, because the files on disk are always consistent.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from inputgrad_cli.cli.terminal_output import show_status, write_stderr
from inputgrad_cli.supervision.immediate_process_exit import end_by_signal
from inputgrad_cli.supervision.signal_forwarding import ECHO_SECONDS, ENDING_SIGNALS, GRACE_SECONDS

if TYPE_CHECKING:
    from inputgrad_cli.supervision.duplicate_signals import RepeatedSignals

STOPPING_MESSAGE = "inputgrad: stopping after this batch; a second signal ends it at once."


class StopSignals:
    """A block in which the first signal only sets a flag.

    If the main thread does not end in time, another thread ends the process: it calls `clean_up`
    once `grace` seconds have passed, and `report` just before the end. With a `grace` of 0 the
    first signal ends the process.
    """

    def __init__(
        self,
        clean_up: Callable[[], None] = lambda: None,
        report: Callable[[], None] = lambda: None,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._clean_up, self._report, self._grace = clean_up, report, grace
        self._received: int | None = None
        self._before: dict[int, Any] = {}
        self._watcher: SignalWatcher | None = None

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._watcher = SignalWatcher(self._clean_up, self._report, self._grace)
            for signum in ENDING_SIGNALS:
                # Keep ignored signals ignored: background jobs and nohup rely on it.
                if signal.getsignal(signum) != signal.SIG_IGN:
                    self._before[signum] = signal.signal(signum, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watcher:
            self._watcher.close()
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        if self._received is None:
            self._received = signum
            if self._grace:
                with contextlib.suppress(OSError):
                    write_stderr(STOPPING_MESSAGE)

    def was_received(self) -> bool:
        """Return whether a signal was received."""
        return self._received is not None

    def raise_again(self) -> None:
        """End the process by the signal that was received, so that the caller's shell sees it."""
        if self._received is not None:
            end_by_signal(self._received)


class SignalWatcher:
    """A thread that waits for signals until `close` is called."""

    def __init__(
        self, clean_up: Callable[[], None], report: Callable[[], None], grace: float
    ) -> None:
        self._clean_up, self._report, self._grace = clean_up, report, grace
        self._read, self._write = os.pipe()
        self._repeats = _build_repeat_filter()
        os.set_blocking(self._write, False)  # required by set_wakeup_fd
        self._before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._run, daemon=True, name="signals")
        self._thread.start()

    def close(self) -> None:
        """Stop the thread, and restore the descriptor that was set before."""
        signal.set_wakeup_fd(self._before)
        os.close(self._write)
        self._thread.join()
        os.close(self._read)

    def _run(self) -> None:
        first = self._wait_for_signal(None)
        began = time.monotonic()
        while first is not None:
            left = max(began + self._grace - time.monotonic(), 0.0)
            signum = self._wait_for_signal(left)
            if signum is None:
                return
            if signum == 0:
                with contextlib.suppress(Exception):
                    self._clean_up()
            # Soon after the first signal, the same one may be its echo, which does not count.
            if signum != first or time.monotonic() - began > ECHO_SECONDS:
                with contextlib.suppress(Exception):
                    self._report()
                end_by_signal(signum or first)

    def _wait_for_signal(self, seconds: float | None) -> int | None:
        """Return the next signal, 0 if none came in time, None after `close`."""
        while select.select([self._read], [], [], seconds)[0]:
            data = os.read(self._read, 1)
            if not data:
                return None
            if data[0] in ENDING_SIGNALS and self._repeats.is_new(data[0]):
                return data[0]
        return 0


@contextlib.contextmanager
def allow_interrupt(stage: str) -> Iterator[None]:
    """Show a status line while TensorFlow works; a signal ends the process at once."""
    with show_status(True, stage), StopSignals(report=_print_stopped, grace=0.0):
        yield


def end_on_signals() -> None:
    """Install handlers that remove temporary files before a signal ends the process.

    Python's own handler of SIGINT raises KeyboardInterrupt wherever the process is, for example
    inside of a library that reads a file through Python and takes it for a damaged file.
    """
    ending = _SignalEnding()
    for signum in ENDING_SIGNALS:
        # Keep ignored signals ignored: background jobs and nohup rely on it.
        if signal.getsignal(signum) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(signum, ending.end_process)


class _SignalEnding:
    """Ends the process; a ^C that the parent process also passes on counts once."""

    def __init__(self) -> None:
        self._repeats = _build_repeat_filter()
        self._ending = False

    def end_process(self, signum: int, frame: FrameType | None) -> None:
        """End the process at once."""
        if not self._repeats.is_new(signum):
            return
        if not self._ending:
            self._ending = True
            _print_stopped()
        end_by_signal(signum)


def _build_repeat_filter() -> RepeatedSignals:
    from inputgrad_cli.supervision.duplicate_signals import (
        RepeatedSignals,  # not imported by --help
    )

    return RepeatedSignals()


def _print_stopped() -> None:
    with contextlib.suppress(OSError):
        write_stderr("inputgrad: stopped.")
