"""Reports the state of a worker to its parent; does nothing in a process without a parent."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator

from inputgrad_cli.supervision.shared_memory_page import Page, Stage
from inputgrad_cli.supervision.worker_crash_history import WITHOUT_ONEDNN, EarlierWorkers
from inputgrad_cli.supervision.worker_to_parent_link import link_to_parent


class Worker:
    """The link of this process to its parent, and what it knows of the workers before it."""

    def __init__(self) -> None:
        self.page: Page | None = None
        self.earlier = EarlierWorkers()
        self.parent = os.getpid()
        self._user_chose_kernels = True
        self._lock = threading.Lock()
        self._items: dict[int, int] = {}

    def begin(self, page: Page, earlier: EarlierWorkers, parent: int, alive: int) -> None:
        """Become the worker of `parent`, which holds the other end of the pipe `alive`."""
        self.page, self.earlier, self.parent = page, earlier, parent
        page.reported, page.size = earlier.reported, earlier.batch_limit
        self._user_chose_kernels = not WITHOUT_ONEDNN.keys().isdisjoint(os.environ)
        os.environ.update(earlier.environment)
        link_to_parent(parent, alive, page)

    def enter_stage(self, stage: Stage, subject: str = "", seconds: float = 0.0) -> None:
        """Report that a stage begins, with its subject and its limit of processor seconds."""
        if self.page:
            self.page.enter_stage(stage, subject, seconds)

    def set_memory_limit(self, size: int) -> None:
        """Report how many bytes of memory this process may use."""
        if self.page:
            self.page.limit = size

    def set_batch_limit(self, size: int) -> None:
        """Report the largest batch size from now on."""
        if self.page:
            self.page.size = size

    def set_alone(self, value: bool) -> None:
        """Report whether only one item is under way at a time from now on."""
        if self.page:
            self.page.alone = value

    def request_restart(self) -> None:
        """End this process, if possible, so that a worker without oneDNN continues.

        This is not possible if the user chose the kernels, or if it was done before.
        """
        page = self.page
        if (
            page
            and page.resumable
            and not self._user_chose_kernels
            and not self.earlier.environment
        ):
            page.restart_requested = True
            raise SystemExit

    def raise_failure(self) -> None:
        """Raise the error of the previous worker if it ends the call."""
        if self.earlier.failure:
            raise self.earlier.failure

    @contextlib.contextmanager
    def mark_under_way(self, names: Iterable[str]) -> Iterator[None]:
        """Report that items with these names are under way in this block; works in any thread."""
        if self.page is None:
            yield
            return
        digests = Counter(map(digest_name, names))
        self._count(digests)
        try:
            yield
        finally:
            self._count({digest: -count for digest, count in digests.items()})

    def _count(self, digests: dict[int, int]) -> None:
        with self._lock:
            for digest, change in digests.items():
                if count := self._items.pop(digest, 0) + change:
                    self._items[digest] = count
            if self.page:
                self.page.under_way = tuple(self._items)


def digest_name(name: str) -> int:
    """Return the 64-bit number that identifies an item of this name."""
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8], "big")


WORKER = Worker()  # the only one of this process
