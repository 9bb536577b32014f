"""Ends a worker that holds more than it may, where the limit of its own process did not stop it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from inputgrad_cli.errors import InputgradError, ModelError
from inputgrad_cli.supervision.shared_page import Page, Stage

SLACK = 128 << 20  # bytes above the limit: stacks of threads, pages of libraries used later


class Overflow:
    """Goes off where a worker holds more memory than it said it may.

    While items are computed it dies of it, as it would where the machine is full: the item that it
    is alone with has failed then, and the others go on.
    """

    def fault(self, worker: int, page: Page) -> InputgradError | None:
        """Return the error of a model that holds too much while it opens."""
        limit = page.limit
        if not limit or resident_of(worker) <= limit + SLACK:
            return None
        if page.stage is Stage.COMPUTING:
            with suppress(OSError):
                os.kill(worker, signal.SIGKILL)
            return None
        return ModelError(
            f"{page.subject}: the model does not fit into memory",
            reason=f"the process would hold more than the {limit:,} bytes that it may",
            mend="give more with --max-memory where the machine has it",
            kind="memory",
        )


def resident_of(process: int) -> int:
    """Return the bytes of memory that a process holds; 0 where nobody tells."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0
