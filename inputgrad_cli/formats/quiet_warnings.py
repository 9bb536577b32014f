"""Libraries that remark on the files of others are hushed, in whichever threads they read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class _Hush:
    """Filters belong to the process: the first reader sets them, the last one puts them back."""

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


_HUSH = _Hush()


@contextmanager
def hushed() -> Iterator[None]:
    """Ignore warnings within the block."""
    _HUSH.enter()
    try:
        yield
    finally:
        _HUSH.leave()
