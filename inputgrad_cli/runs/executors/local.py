"""Carries out the steps of a run in threads of this process, within bounds of memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from inputgrad_cli.prefetch import MAX_PENDING_BYTES, prefetch

T = TypeVar("T")
R = TypeVar("R")
W = TypeVar("W")

GroupResult = tuple[list[W], BaseException | None]
READER_THREADS = 1
MAX_READ_AHEAD = 48  # files read ahead
WRITER_THREADS = 2  # they mostly wait for the disk, so more would only wait for each other


class LocalExecutor(Generic[W]):
    """Loads ahead, explains in parallel and writes behind; all results keep the order of tasks.

    Of the batches that were given to `write`, each is a group: its tasks are written in any order,
    and its results are taken together.
    """

    def __init__(self) -> None:
        self._writers = ThreadPoolExecutor(WRITER_THREADS, thread_name_prefix="writer")
        self._groups: deque[list[Future[GroupResult[W]]]] = deque()
        self._newest_bytes = 0

    def load(
        self, verb: Callable[[T], R], tasks: Sequence[T], weight: Callable[[T], int]
    ) -> Iterator[R]:
        """Yield the result of each task; a thread loads ahead, so that no pass waits for a file.

        `weight` estimates the bytes that a task holds once it is loaded. A single task is loaded
        when its result is taken.
        """
        threads = READER_THREADS if len(tasks) > 1 else 0
        return prefetch(verb, tasks, threads, MAX_READ_AHEAD, weight)

    def explain(
        self,
        verb: Callable[[T], R],
        tasks: Iterable[T],
        weight: Callable[[T], int],
        *,
        threads: int,
    ) -> Iterator[R]:
        """Yield the result of each task, with `threads` of them under way; 0 is one by one."""
        return prefetch(verb, tasks, threads, threads + 1, weight)

    def write(self, verb: Callable[[T], Iterable[W]], tasks: Iterable[T], *, nbytes: int) -> None:
        """Start to write the tasks of a batch, whose values take `nbytes` bytes of memory.

        Each task yields its results one by one.
        """
        self._groups.append([self._writers.submit(_run_all, verb, task) for task in tasks])
        self._newest_bytes = nbytes

    def take_written(self, *, wait: bool) -> Iterator[GroupResult[W]]:
        """Yield the results of written batches, the oldest first, each with its first error if any.

        Unless `wait` is true, the newest batch is left to be written while the next is computed.
        If both would need too much memory, it is waited for too.
        """
        limit = 0 if wait or self._newest_bytes > MAX_PENDING_BYTES else 1
        while len(self._groups) > limit:
            ended = [future.result() for future in self._groups.popleft()]
            done = [result for results, _ in ended for result in results]
            yield done, next((error for _, error in ended if error), None)

    def stop(self) -> None:
        """Wait for tasks that are being written, and cancel those that have not started."""
        self._writers.shutdown(wait=True, cancel_futures=True)


def _run_all(verb: Callable[[T], Iterable[W]], task: T) -> GroupResult[W]:
    """Run a task to its end; return its results, and the error that stopped it, if any."""
    done: list[W] = []
    try:
        for result in verb(task):
            done.append(result)
    except BaseException as error:
        return done, error
    return done, None
