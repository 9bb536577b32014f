"""What the status line says: the stage, the count of items, the rate, the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable

SETTLED = 3  # steps that are measured before an estimate means something
AWHILE = 2.0  # seconds that they must have taken
WEIGHT = 0.3  # of a new estimate against those before it


class Estimate:
    """When the work will end, from the steps after the first: that one opens and compiles.

    A new figure moves the estimate by a part only, so that it does not jump.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._last = (0.0, 0.0)
        self._step = 0.0
        self._steps = 0
        self._end: float | None = None

    def add(self, now: float, worked: float, left: float) -> None:
        """Take in that `worked` is done by `now`, and `left` is still to do."""
        if self._first is None:
            self._first = self._last = (now, worked)
            return
        self._steps += 1
        self._step = worked - self._last[1]
        self._last = (now, worked)
        rate = self.rate
        if rate and self._steps >= SETTLED and now - self._first[0] >= AWHILE:
            end = now + left / rate
            self._end = end if self._end is None else self._end + WEIGHT * (end - self._end)

    @property
    def rate(self) -> float | None:
        """Return what is done a second, None before that is known."""
        if self._first is None or self._steps < 1 or self._last[0] <= self._first[0]:
            return None
        return (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])

    def left(self, now: float, rest: float) -> float | None:
        """Return the seconds that are left for `rest`, None before that means something."""
        if self._end is None or not self.rate:
            return None
        # A step that takes longer than most is still under way: the steps after it are sure.
        return max(self._end - now, (rest - self._step) / self.rate, 0.0)


class Status:
    """What is going on."""

    def __init__(self, stage: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._entered = clock()
        self._stage = stage
        self._done = self._total = self._skipped = 0
        self._part = (0, 0)
        self._estimate = Estimate()

    def enter(self, stage: str) -> bool:
        """Begin a stage, nothing for the work on the items; return whether that is news."""
        if stage == self._stage:
            return False
        self._stage, self._entered = stage, self._clock()
        return True

    def count(self, done: int, total: int, skipped: int) -> bool:
        """Take in that `done` of `total` items are through; `skipped` took no time."""
        worked = done - skipped > self._done - self._skipped
        self._done, self._total, self._skipped, self._part = done, total, skipped, (0, 0)
        if worked:
            self._measure()
        return False

    def part(self, done: int, total: int) -> bool:
        """Take in that `done` of `total` samples of the item under way are through."""
        self._part = (done, total)
        self._measure()
        return False

    def text(self) -> str:
        """Return the line."""
        now = self._clock()
        parts = [self._where()] if self._total else []
        if self._stage:
            parts += [self._stage, spell(now - self._entered)]
        else:
            parts += [*self._speed(), spell(now - self._began), *self._left(now)]
        return "inputgrad: " + ", ".join(parts)

    def _measure(self) -> None:
        self._estimate.add(self._clock(), self._worked, self._rest)

    @property
    def _worked(self) -> float:
        done, total = self._part
        return self._done - self._skipped + (done / total if total else 0.0)

    @property
    def _rest(self) -> float:
        return self._total - self._skipped - self._worked

    def _where(self) -> str:
        text = f"item {min(self._done + 1, self._total):,} of {self._total:,}"
        done, total = self._part
        return text + (f", sample {min(done + 1, total):,} of {total:,}" if total else "")

    def _speed(self) -> list[str]:
        rate, samples = self._estimate.rate, self._part[1]
        if not rate:
            return []
        many = rate * (samples or 1)
        if many >= 1:
            return [f"{many:.3g} a second"]
        return [f"{1 / many:.3g} s each"]

    def _left(self, now: float) -> list[str]:
        left = self._estimate.left(now, self._rest)
        return [] if left is None else [f"about {spell(left)} left"]


def spell(seconds: float) -> str:
    """Return a time as 0:07, 12:30 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
