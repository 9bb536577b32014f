"""Distinguishes a new signal from a duplicate.

^C reaches the worker, and also the parent, which passes it on. Each signal counts once, whether it
was sent to the group, only to the parent, or only to the worker.
"""

from __future__ import annotations

import signal
from collections import Counter

from inputgrad_cli.supervision.worker_state_reporting import WORKER


class RepeatedSignals:
    """Counts the signals, by number, that this process received since the object was created."""

    def __init__(self) -> None:
        self._passed_before: Counter[int] = Counter()
        self._received: Counter[int] = Counter()
        self._sent: Counter[int] = Counter()
        if WORKER.page:
            for signal_number in range(1, signal.NSIG):
                self._passed_before[signal_number] = WORKER.page.count_signals(signal_number)

    def is_new(self, signal_number: int) -> bool:
        """Count a received signal, and return whether it was sent once more than known so far."""
        self._received[signal_number] += 1
        passed = 0
        if WORKER.page:
            passed = WORKER.page.count_signals(signal_number) - self._passed_before[signal_number]
        # A signal was sent to both processes or to one of them. The system merges equal signals
        # that are pending, so that one of two may be lost.
        sent = max(self._received[signal_number] - passed, passed)
        if sent <= self._sent[signal_number]:
            return False
        self._sent[signal_number] = sent
        return True
