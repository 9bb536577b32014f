"""Carries out the steps of a run in threads of this process, within bounds of memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import Generic, TypeVar

from inputgrad_cli.prefetch import MAX_PENDING_BYTES, prefetch
from inputgrad_cli.runs.model_holder import ModelHolder
from inputgrad_cli.runs.tasks.run_context import PROCESS, RunContext

T = TypeVar("T")
R = TypeVar("R")
W = TypeVar("W")

# With two of them no pass has waited less for a file.
READER_THREADS = 1
MAX_READ_AHEAD = 48  # files read ahead
WRITER_THREADS = 2  # they mostly wait for the disk, so more would only wait for each other


class LocalExecutor(Generic[W]):
    """Loads ahead, explains in parallel and writes behind; all results keep the order of tasks.

    A verb is a function of one task. Tasks and results are values that could be pickled, but are
    passed on here as they are. The tasks of a batch that is written run in any order, and their
    results are taken together. An error of a verb is raised where its result would be.
    """

    def __init__(self) -> None:
        self._writers = ThreadPoolExecutor(WRITER_THREADS, thread_name_prefix="writer")
        self._batches: deque[list[Future[W]]] = deque()
        self._newest_bytes = 0
        self._model: ModelHolder | None = None

    def start(self, context: RunContext, model: ModelHolder) -> None:
        """Prepare for the tasks of a run, with the model that this process may have opened."""
        self._model = model
        PROCESS.start(context, model)

    @property
    def messages(self) -> str:
        """Return what TensorFlow has written to stderr so far."""
        return self._model.messages if self._model else ""

    def load(
        self, verb: Callable[[T], R], tasks: Iterable[T], weight: Callable[[T], int]
    ) -> Iterator[R]:
        """Yield the result of each task; a thread loads ahead, so that no pass waits for a file.

        `weight` estimates the bytes that a task holds once it is loaded. A single task is loaded
        when its result is taken.
        """
        remaining = iter(tasks)
        first = list(islice(remaining, 2))
        threads = READER_THREADS if len(first) > 1 else 0
        return prefetch(verb, chain(first, remaining), threads, MAX_READ_AHEAD, weight)

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

    def write(self, verb: Callable[[T], W], tasks: Iterable[T], *, nbytes: int) -> None:
        """Start to write the tasks of a batch, whose values take `nbytes` bytes of memory."""
        self._batches.append([self._writers.submit(verb, task) for task in tasks])
        self._newest_bytes = nbytes

    def take_written(self, *, wait: bool) -> Iterator[list[W]]:
        """Yield the results of each written batch, the oldest first.

        Unless `wait` is true, the newest batch is left to be written while the next is computed.
        If both would need too much memory, it is waited for too.
        """
        limit = 0 if wait or self._newest_bytes > MAX_PENDING_BYTES else 1
        while len(self._batches) > limit:
            yield [future.result() for future in self._batches.popleft()]

    def stop(self) -> None:
        """Wait for tasks that are being written, and cancel those that have not started."""
        self._writers.shutdown(wait=True, cancel_futures=True)
        PROCESS.end()
