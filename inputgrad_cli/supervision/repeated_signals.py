"""Tells a signal from its repetition: ^C reaches the worker, and the parent that passes it on.

Whoever signals the group, the parent alone or the worker alone is heard once.
"""

from __future__ import annotations

import signal
from collections import Counter

from inputgrad_cli.supervision.worker import WORKER


class RepeatedSignals:
    """Counts the signals of each number that came to this process since this object was made."""

    def __init__(self) -> None:
        self._before: Counter[int] = Counter()
        self._came: Counter[int] = Counter()
        self._sent: Counter[int] = Counter()
        if WORKER.page:
            page = WORKER.page
            self._before.update(
                {number: page.passed_on(number) for number in range(1, signal.NSIG)}
            )

    def is_new(self, number: int) -> bool:
        """Count a signal that came, and return whether it was sent once more than known."""
        self._came[number] += 1
        passed = WORKER.page.passed_on(number) - self._before[number] if WORKER.page else 0
        # Each was sent to both of us, or to one: where two of a kind wait, one of them is lost.
        sent = max(self._came[number] - passed, passed)
        if sent <= self._sent[number]:
            return False
        self._sent[number] = sent
        return True
