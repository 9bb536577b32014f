"""Writes results in background threads while the next batch is computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")

GroupResult = tuple[list[T], BaseException | None]
WRITER_THREADS = 2  # they mostly wait for the disk, so more would only wait for each other


class BackgroundWriter(Generic[T]):
    """Runs groups of tasks in threads; their results are taken in the order of the groups."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WRITER_THREADS, thread_name_prefix="writer")
        self._groups: deque[list[Future[GroupResult[T]]]] = deque()

    def put(self, tasks: Sequence[Callable[[], Iterable[T]]]) -> None:
        """Start a group of tasks; each task yields its results one by one."""
        self._groups.append([self._pool.submit(_run_all, task) for task in tasks])

    def take(self, limit: int) -> Iterator[GroupResult[T]]:
        """Yield the results of groups, the oldest first, until at most `limit` are running.

        Each group's results come with its first error, or None.
        """
        while len(self._groups) > limit:
            ended = [future.result() for future in self._groups.popleft()]
            done = [result for results, _ in ended for result in results]
            yield done, next((error for _, error in ended if error), None)

    def stop(self) -> None:
        """Wait for running tasks and cancel those that have not started."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _run_all(task: Callable[[], Iterable[T]]) -> GroupResult[T]:
    """Run a task to its end; return its results, and the error that stopped it, if any."""
    done: list[T] = []
    try:
        for result in task():
            done.append(result)
    except BaseException as error:
        return done, error
    return done, None
