"""Suppresses the warnings of libraries that read files, in any number of threads at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class _WarningFilter:
    """Counts readers, because warning filters belong to the process and not to a thread.

    The first reader sets the filters, and the last one restores them.
    """

    def __init__(self) -> None:
        self._lock, self._readers = Lock(), 0
        self._before = warnings.catch_warnings()

    def enter(self) -> None:
        with self._lock:
            if not self._readers:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")
            self._readers += 1

    def leave(self) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._before.__exit__(None, None, None)


_FILTER = _WarningFilter()


@contextmanager
def quiet_warnings() -> Iterator[None]:
    """Ignore warnings inside the `with` block."""
    _FILTER.enter()
    try:
        yield
    finally:
        _FILTER.leave()
