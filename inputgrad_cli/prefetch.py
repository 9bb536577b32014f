"""Computes results in threads before the caller requests them, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")

MAX_PENDING_BYTES = 256 << 20  # that the items in progress may hold together


def prefetch(
    work: Callable[[S], T],
    items: Iterable[S],
    threads: int,
    limit: int,
    weight: Callable[[S], int] = lambda _: 0,
) -> Iterator[T]:
    """Yield the result of `work` for each item, in order, with up to `limit` items in progress.

    Without threads, the caller's thread does the work. `weight` estimates the bytes that an item
    holds. An exception raised by the work or by `items` is raised in place of its result.
    """
    if not threads:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    submitted = _submit_work(pool, work, items, weight)
    waiting: deque[tuple[Future[T], int]] = deque()
    pending_bytes = 0
    try:
        while True:
            while not waiting or (len(waiting) < limit and pending_bytes < MAX_PENDING_BYTES):
                if (entry := next(submitted, None)) is None:
                    break
                waiting.append(entry)
                pending_bytes += entry[1]
            if not waiting:
                return
            future, nbytes = waiting.popleft()
            pending_bytes -= nbytes
            yield future.result()
    finally:
        # A caller that stops early must not wait for work that has not begun.
        pool.shutdown(wait=True, cancel_futures=True)


def _submit_work(
    pool: ThreadPoolExecutor, work: Callable[[S], T], items: Iterable[S], weight: Callable[[S], int]
) -> Iterator[tuple[Future[T], int]]:
    """Submit items and yield their futures; an exception of `items` becomes the last future."""
    try:
        for piece in items:
            yield pool.submit(work, piece), weight(piece)
    except Exception as error:
        # In its turn, so that the results before it are not lost.
        failed: Future[T] = Future()
        failed.set_exception(error)
        yield failed, 0
