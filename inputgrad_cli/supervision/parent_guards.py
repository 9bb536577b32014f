"""Guards that the parent runs while a worker works; the first error they find ends the worker."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from inputgrad_cli.errors import InputgradError, ModelError
from inputgrad_cli.supervision.memory_guard import MemoryGuard
from inputgrad_cli.supervision.shared_memory_page import Page

# Wall time per second of allowed processor time: a stage may wait, or share the processor.
WALL_TIME_FACTOR = 4
# Between two checks; the rest of a longer pause is not counted, because this process was stopped.
MAX_INTERVAL_SECONDS = 0.5


class Guard(Protocol):
    """A check of a worker that is repeated while it works."""

    def find_fault(self, worker: int, page: Page) -> InputgradError | None:
        """Return the error for which the worker with this PID must end, else None."""


class TimeGuard:
    """Ends a worker whose stage uses more processor seconds than the worker allowed for it."""

    def __init__(self) -> None:
        self._stage_start = self._elapsed = self._used_before = 0.0
        self._last_check = time.monotonic()

    def find_fault(self, worker: int, page: Page) -> InputgradError | None:
        """Return the error of a model that takes too long to open, else None."""
        now, previous_check = time.monotonic(), self._last_check
        self._last_check = now
        seconds, stage_start = page.seconds, page.stage_start
        if not seconds:
            return None
        if stage_start != self._stage_start:
            self._stage_start, self._elapsed = stage_start, 0.0
            self._used_before = read_cpu_seconds(worker) or 0.0
        self._elapsed += min(now - previous_check, MAX_INTERVAL_SECONDS)
        used = read_cpu_seconds(worker)
        spent = self._elapsed if used is None else used - self._used_before
        if spent < seconds and self._elapsed < WALL_TIME_FACTOR * seconds:
            return None
        if (page.seconds, page.stage_start) != (seconds, stage_start):
            return None  # the next stage began meanwhile
        return ModelError(
            f"{page.subject}: the model does not open within {seconds:.0f} seconds",
            reason="a file of its size normally takes a fraction of that: it may be malicious",
            hint="if you trust it, make it smaller: save it with fewer layers or outputs",
            kind="time",
        )


def read_cpu_seconds(process: int) -> float | None:
    """Return the processor seconds that a process has used; None if /proc does not say so."""
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        user_ticks, system_ticks = int(fields[11]), int(fields[12])  # utime and stime of proc(5)
        return (user_ticks + system_ticks) / os.sysconf("SC_CLK_TCK")
    return None


def make_guards() -> tuple[Guard, ...]:
    """Return the guards for a new worker."""
    return TimeGuard(), MemoryGuard()
