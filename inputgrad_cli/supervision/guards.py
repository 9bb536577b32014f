"""What the parent looks at while a worker works; the first that finds a fault ends the worker."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from inputgrad_cli.errors import InputgradError, ModelError
from inputgrad_cli.supervision.memory_guard import Overflow
from inputgrad_cli.supervision.shared_page import Page

IDLE = 4  # times as long may a stage take where others use the processor, or it only waits
LONGEST = 0.5  # seconds between two looks that count: after more this process was stopped


class Guard(Protocol):
    """Looks at a worker now and then."""

    def fault(self, worker: int, page: Page) -> InputgradError | None:
        """Return why the worker of this process number is to be ended; None where it may go on."""


class Alarm:
    """Goes off where a stage takes more seconds of the processor than the worker said it may."""

    def __init__(self) -> None:
        self._began = self._passed = self._used = 0.0
        self._seen = time.monotonic()

    def fault(self, worker: int, page: Page) -> InputgradError | None:
        """Return the error of a model that takes too long to open."""
        now, before = time.monotonic(), self._seen
        self._seen = now
        seconds, began = page.seconds, page.began
        if not seconds:
            return None
        if began != self._began:
            self._began, self._passed, self._used = began, 0.0, used_seconds(worker) or 0.0
        self._passed += min(now - before, LONGEST)
        used = used_seconds(worker)
        spent = self._passed if used is None else used - self._used
        if spent < seconds and self._passed < IDLE * seconds:
            return None
        if (page.seconds, page.began) != (seconds, began):  # the worker went on meanwhile
            return None
        return ModelError(
            f"{page.subject}: the model does not open within {seconds:.0f} seconds",
            reason="what is in a file of its size takes a part of that: it may be made to do harm",
            mend="if you trust it, make it smaller: save it with fewer layers or outputs",
            kind="time",
        )


def used_seconds(process: int) -> float | None:
    """Return the seconds of the processor that a process has used; None where nobody tells."""
    with suppress(OSError, ValueError, IndexError):
        words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return None


def make_guards() -> tuple[Guard, ...]:
    """Return the guards of a new worker."""
    return Alarm(), Overflow()
