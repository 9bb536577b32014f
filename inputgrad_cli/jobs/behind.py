"""Results written after they were found, while the next are sought."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")

WRITERS = 2  # that wait for the disk; more would only wait for one another


class Behind(Generic[T]):
    """Pieces of work that end later, in groups that are taken in the order they were put."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="behind")
        self._groups: deque[list[Future[T]]] = deque()

    def put(self, group: Sequence[Callable[[], T]]) -> None:
        """Begin a group."""
        self._groups.append([self._pool.submit(work) for work in group])

    def take(self, most: int) -> Iterator[tuple[list[T], BaseException | None]]:
        """Yield groups, the oldest first, until at most `most` are left under way.

        Beside what was done of a group stands the first error, where something failed.
        """
        while len(self._groups) > most:
            group = self._groups.popleft()
            errors = [error for future in group if (error := future.exception())]
            done = [future.result() for future in group if not future.exception()]
            yield done, errors[0] if errors else None

    def stop(self) -> None:
        """Wait for what is under way, and begin nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
