"""A signal lets the batch under way end; a second one, or five seconds, ends the process at once.

Python runs a handler only between two steps of its own, and one call of TensorFlow can take a
minute. So a thread waits beside it, woken by the descriptor that signals are written to. Whatever
moment it picks, what is on disk is consistent.
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

from inputgrad_cli.cli.terminal import say, shown
from inputgrad_cli.supervision.process_end import end_by
from inputgrad_cli.supervision.signal_receiver import ECHO, ENDING, GRACE

if TYPE_CHECKING:
    from inputgrad_cli.supervision.repeated_signals import RepeatedSignals

STOPPING = "inputgrad: stopping after this batch; a second signal ends it at once."


class Signals:
    """A block in which the first signal only raises a flag.

    Before the process is ended because nothing else went on, another thread does `last`; `words`
    are said before it is ended there. Without `grace` (seconds) the first signal ends it.
    """

    def __init__(
        self,
        last: Callable[[], None] = lambda: None,
        words: Callable[[], None] = lambda: None,
        grace: float = GRACE,
    ) -> None:
        self._last, self._words, self._grace = last, words, grace
        self._came: int | None = None
        self._before: dict[int, Any] = {}
        self._watch: Watch | None = None

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            self._watch = Watch(self._last, self._words, self._grace)
            for number in ENDING:
                # A job in the background, or under nohup, is meant not to hear it.
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watch:
            self._watch.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._came is None:
            self._came = number
            if self._grace:
                with contextlib.suppress(OSError):
                    say(STOPPING)

    def came(self) -> bool:
        """Return whether a signal has come."""
        return self._came is not None

    def pass_on(self) -> None:
        """End the process by the signal that came, so that the caller's shell sees it."""
        if self._came is not None:
            end_by(self._came)


class Watch:
    """The thread beside the main one, from now until `close`."""

    def __init__(self, last: Callable[[], None], words: Callable[[], None], grace: float) -> None:
        self._last, self._words, self._grace = last, words, grace
        self._read, self._write = os.pipe()
        self._echo = _echo()
        os.set_blocking(self._write, False)
        self._before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._run, daemon=True, name="signals")
        self._thread.start()

    def close(self) -> None:
        """End the watch, and put back what was there before."""
        signal.set_wakeup_fd(self._before)
        os.close(self._write)
        self._thread.join()
        os.close(self._read)

    def _run(self) -> None:
        first = self._next(None)
        began = time.monotonic()
        while first is not None:
            left = max(began + self._grace - time.monotonic(), 0.0)
            number = self._next(left)
            if number is None:
                return
            if number == 0:
                with contextlib.suppress(Exception):
                    self._last()
            if number != first or time.monotonic() - began > ECHO:
                with contextlib.suppress(Exception):
                    self._words()
                end_by(number or first)

    def _next(self, seconds: float | None) -> int | None:
        """Return the next signal, 0 where none came in time, None at the end of the watch."""
        while select.select([self._read], [], [], seconds)[0]:
            told = os.read(self._read, 1)
            if not told:
                return None
            if told[0] in ENDING and self._echo.is_new(told[0]):
                return told[0]
        return 0


@contextlib.contextmanager
def opening(stage: str) -> Iterator[None]:
    """Show what is going on while TensorFlow works; a signal ends it, however long that takes."""
    with shown(True, stage), Signals(words=_stopped, grace=0.0):
        yield


def end_on_signals() -> None:
    """Let the signals that would end the process do so once what it wrote aside is gone."""
    ending = _Ending()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, ending.end)
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, ending.interrupt)


class _Ending:
    """Ends the process; what a second process passes on after ^C is no second ^C."""

    def __init__(self) -> None:
        self._echo = _echo()
        self._came = False

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Let Python come to its end by itself, once."""
        if not self._echo.is_new(number):
            return
        if self._came:
            end_by(number)
        self._came = True
        raise KeyboardInterrupt

    def end(self, number: int, frame: FrameType | None) -> None:
        """End it now."""
        if not self._echo.is_new(number):
            return
        if not self._came:
            self._came = True
            _stopped()
        end_by(number)


def _echo() -> RepeatedSignals:
    from inputgrad_cli.supervision.repeated_signals import RepeatedSignals  # --help needs none

    return RepeatedSignals()


def _stopped() -> None:
    with contextlib.suppress(OSError):
        say("inputgrad: stopped.")
