"""Builds the text of the status line: stage, number of items, rate and remaining time."""

from __future__ import annotations

import time
from collections.abc import Callable

MIN_STEPS = 3  # steps to measure before an estimate is meaningful
MIN_SECONDS = 2.0  # and the time that these steps must have taken
SMOOTHING_WEIGHT = 0.3  # of a new estimate in the exponential moving average


class TimeEstimate:
    """Estimates when the work will end.

    The first step is not counted, because it opens the model and compiles. Estimates are smoothed,
    so that the remaining time does not jump.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._last = (0.0, 0.0)
        self._step = 0.0
        self._steps = 0
        self._end: float | None = None

    def add(self, now: float, worked: float, left: float) -> None:
        """Record that `worked` items are finished at time `now` and `left` items remain."""
        if self._first is None:
            self._first = self._last = (now, worked)
            return
        self._steps += 1
        self._step = worked - self._last[1]
        self._last = (now, worked)
        rate = self.rate
        if rate and self._steps >= MIN_STEPS and now - self._first[0] >= MIN_SECONDS:
            end = now + left / rate
            self._end = (
                end if self._end is None else self._end + SMOOTHING_WEIGHT * (end - self._end)
            )

    @property
    def rate(self) -> float | None:
        """Return the items finished per second, None before it is known."""
        if self._first is None or self._steps < 1 or self._last[0] <= self._first[0]:
            return None
        return (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])

    def estimate_seconds_left(self, now: float, rest: float) -> float | None:
        """Return the seconds left for `rest` items, None before an estimate is meaningful."""
        if self._end is None or not self.rate:
            return None
        # If the current step is slow, the steps after it still need at least their usual time.
        return max(self._end - now, (rest - self._step) / self.rate, 0.0)


class StatusLine:
    """The state of a run as the status line shows it."""

    def __init__(self, stage: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._entered = clock()
        self._stage = stage
        self._done = self._total = self._skipped = 0
        self._part = (0, 0)
        self._estimate = TimeEstimate()

    def enter_stage(self, stage: str) -> bool:
        """Begin a stage (empty: the work on the items); return whether the stage has changed."""
        if stage == self._stage:
            return False
        self._stage, self._entered = stage, self._clock()
        return True

    def count_items(self, done: int, total: int, skipped: int) -> bool:
        """Record that `done` of `total` items are finished; the `skipped` ones took no time."""
        worked = done - skipped > self._done - self._skipped
        self._done, self._total, self._skipped, self._part = done, total, skipped, (0, 0)
        if worked:
            self._measure()
        return False

    def count_samples(self, done: int, total: int) -> bool:
        """Record that `done` of `total` samples of the current item are finished."""
        self._part = (done, total)
        self._measure()
        return False

    def format_text(self) -> str:
        """Return the text of the line."""
        now = self._clock()
        parts = [self._format_position()] if self._total else []
        if self._stage:
            parts += [self._stage, format_duration(now - self._entered)]
        else:
            parts += [
                *self._format_rate(),
                format_duration(now - self._began),
                *self._format_time_left(now),
            ]
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

    def _format_position(self) -> str:
        # The item that is at work comes after those that are done.
        text = f"item {min(self._done + 1, self._total):,} of {self._total:,}"
        done, total = self._part
        return text + (f", sample {min(done + 1, total):,} of {total:,}" if total else "")

    def _format_rate(self) -> list[str]:
        rate, samples = self._estimate.rate, self._part[1]
        if not rate:
            return []
        samples_per_second = rate * (samples or 1)
        if samples_per_second >= 1:
            return [f"{samples_per_second:.3g} a second"]
        return [f"{1 / samples_per_second:.3g} s each"]

    def _format_time_left(self, now: float) -> list[str]:
        left = self._estimate.estimate_seconds_left(now, self._rest)
        return [] if left is None else [f"about {format_duration(left)} left"]


def format_duration(seconds: float) -> str:
    """Return a duration as 0:07, 12:30 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
