"""What a worker does for the process that watches it; nothing where nobody does."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator

from inputgrad_cli.supervision.earlier_workers import WITHOUT_ONEDNN, EarlierWorkers
from inputgrad_cli.supervision.parent_link import link_to_parent
from inputgrad_cli.supervision.shared_page import Page, Stage


class Worker:
    """What the watching process knows of this one, and this one of the workers before it."""

    def __init__(self) -> None:
        self.page: Page | None = None
        self.earlier = EarlierWorkers()
        self.parent = os.getpid()
        self._chosen = True
        self._lock = threading.Lock()
        self._items: Counter[int] = Counter()

    def begin(self, page: Page, earlier: EarlierWorkers, parent: int, alive: int) -> None:
        """Become the worker of `parent`, which holds the other end of the pipe `alive`."""
        self.page, self.earlier, self.parent = page, earlier, parent
        page.reported, page.size = earlier.reported, earlier.size
        self._chosen = not WITHOUT_ONEDNN.keys().isdisjoint(os.environ)
        os.environ.update(earlier.environment)
        link_to_parent(parent, alive, page)

    def enter(self, stage: Stage, subject: str = "", seconds: float = 0.0) -> None:
        """Say what is being done now, to what, how long it may use the processor (0: any)."""
        if self.page:
            self.page.enter(stage, subject, seconds)

    def may_hold(self, size: int) -> None:
        """Say how many bytes this process may hold."""
        if self.page:
            self.page.limit = size

    def bound(self, size: int) -> None:
        """Say how many items a batch holds at most from here on."""
        if self.page:
            self.page.size = size

    def work_alone(self, value: bool) -> None:
        """Say whether from here on nothing else goes on beside the item that is under way."""
        if self.page:
            self.page.alone = value

    def end_for_another(self) -> None:
        """End this process, and let one without oneDNN's kernels go on, where that is possible.

        It is not where the user chose the kernels, and where it was done before.
        """
        page = self.page
        if page and page.resumable and not self._chosen and not self.earlier.environment:
            page.restart_requested = True
            raise SystemExit

    def raise_failure(self) -> None:
        """Raise what ended the worker before this one, if that ends the call."""
        if self.earlier.failure:
            raise self.earlier.failure

    @contextlib.contextmanager
    def at_work(self, names: Iterable[str]) -> Iterator[None]:
        """Say that the items of these names are worked on in this block, in any thread."""
        if self.page is None:
            yield
            return
        digests = Counter(map(digest_of, names))
        self._count(digests)
        try:
            yield
        finally:
            self._count({each: -number for each, number in digests.items()})

    def _count(self, digests: dict[int, int]) -> None:
        with self._lock:
            self._items.update(digests)
            self._items = +self._items
            if self.page:
                self.page.under_way = tuple(self._items)


def digest_of(name: str) -> int:
    """Return the number that an item of this name goes by."""
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8], "big")


WORKER = Worker()  # a process is one
