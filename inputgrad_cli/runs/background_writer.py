"""Results written after they were found, while the next are sought."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")

Ended = tuple[list[T], BaseException | None]
WRITERS = 2  # that wait for the disk; more would only wait for one another


class Behind(Generic[T]):
    """Pieces of work that end later, in groups that are taken in the order they were put."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="behind")
        self._groups: deque[list[Future[Ended[T]]]] = deque()

    def put(self, group: Sequence[Callable[[], Iterable[T]]]) -> None:
        """Begin a group; each piece of it gives its results one by one."""
        self._groups.append([self._pool.submit(_all, work) for work in group])

    def take(self, most: int) -> Iterator[Ended[T]]:
        """Yield groups, the oldest first, until at most `most` are left under way.

        Beside what was done of a group stands the first error, where something failed.
        """
        while len(self._groups) > most:
            ended = [future.result() for future in self._groups.popleft()]
            done = [one for some, _ in ended for one in some]
            yield done, next((error for _, error in ended if error), None)

    def stop(self) -> None:
        """Wait for what is under way, and begin nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _all(work: Callable[[], Iterable[T]]) -> Ended[T]:
    """Return what a piece of work gave, and what ended it before its time."""
    done: list[T] = []
    try:
        for one in work():
            done.append(one)
    except BaseException as error:
        return done, error
    return done, None
