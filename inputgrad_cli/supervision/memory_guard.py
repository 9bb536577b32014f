"""Ends a worker that holds too much memory even though its own process has a limit."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from inputgrad_cli.errors import InputgradError, ModelError
from inputgrad_cli.supervision.shared_memory_page import Page, Stage

# Allowed above the limit, for thread stacks and for library pages that are used later.
SLACK_BYTES = 128 << 20


class MemoryGuard:
    """Ends a worker that holds more memory than it declared.

    While items are computed, the worker is killed, as the system does when its memory is full. The
    next workers find the item that causes this; that item fails, and the others are continued.
    """

    def find_fault(self, worker: int, page: Page) -> InputgradError | None:
        """Return the error of a model that uses too much memory while it opens, else None."""
        limit = page.limit
        if not limit or read_resident_bytes(worker) <= limit + SLACK_BYTES:
            return None
        if page.stage is Stage.COMPUTING:
            with suppress(OSError):
                os.kill(worker, signal.SIGKILL)
            return None
        return ModelError(
            f"{page.subject}: the model does not fit into memory",
            reason=f"the process would hold more than the {limit:,} bytes that it may",
            hint="allow more with --max-memory if the machine has it",
            kind="memory",
        )


def read_resident_bytes(process: int) -> int:
    """Return the resident memory of a process in bytes; 0 if /proc does not say so."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0
