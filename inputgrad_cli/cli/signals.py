"""A signal lets the batch under way end; a second one ends the process at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """A block in which the first signal only raises a flag."""

    def __init__(self) -> None:
        self._came: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in WATCHED:
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
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = number
        signal.signal(number, signal.SIG_DFL)
        # Not print: the signal may have come in the middle of another line.
        os.write(2, b"inputgrad: stopping after this batch; a second signal ends it at once.\n")

    def came(self) -> bool:
        """Return whether a signal has come."""
        return self._came is not None

    def pass_on(self) -> None:
        """End the process by the signal that came, so that the caller's shell sees it."""
        if self._came is not None:
            signal.signal(self._came, signal.SIG_DFL)
            os.kill(os.getpid(), self._came)
