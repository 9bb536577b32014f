"""Work done before it is asked for: threads go ahead of the one who asks, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")

BYTES = 256 << 20  # that the pieces of work under way may hold together


def prefetch(
    work: Callable[[S], T],
    given: Iterable[S],
    threads: int,
    most: int,
    weight: Callable[[S], int] = lambda _: 0,
) -> Iterator[T]:
    """Yield what `work` gives for each piece, in order, with `most` pieces under way.

    With no threads the caller works. `weight` is about how many bytes a piece holds. An
    exception, of the work or of `given`, comes where its piece would.
    """
    if not threads:
        yield from map(work, given)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    begun = _begun(pool, work, given, weight)
    waiting: deque[tuple[Future[T], int]] = deque()
    try:
        while True:
            while not waiting or (len(waiting) < most and sum(w for _, w in waiting) < BYTES):
                if (more := next(begun, None)) is None:
                    break
                waiting.append(more)
            if not waiting:
                return
            yield waiting.popleft()[0].result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begun(
    pool: ThreadPoolExecutor, work: Callable[[S], T], given: Iterable[S], weight: Callable[[S], int]
) -> Iterator[tuple[Future[T], int]]:
    """Yield pieces of work as they are begun; where `given` breaks off, the last one fails."""
    try:
        for piece in given:
            yield pool.submit(work, piece), weight(piece)
    except Exception as error:
        broken: Future[T] = Future()
        broken.set_exception(error)
        yield broken, 0
