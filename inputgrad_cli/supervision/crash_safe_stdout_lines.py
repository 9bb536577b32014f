"""Writes lines to stdout that are complete even if the worker dies in the middle of one.

The worker stores each line in the shared page and writes it in chunks that a pipe takes completely
or not at all. If the worker dies, the parent writes the rest.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress

from inputgrad_cli.supervision.shared_memory_page import Page
from inputgrad_cli.supervision.worker_state_reporting import WORKER

STDOUT = 1


def is_shared() -> bool:
    """Return whether the parent could write the rest of a line."""
    return WORKER.page is not None


def write_line(data: bytes) -> None:
    """Write a line to stdout."""
    if WORKER.page:
        WORKER.page.begin_line(data, _read_position())
    sent = 0
    while sent < len(data):
        chunk = data[sent : sent + select.PIPE_BUF]
        try:
            sent += os.write(STDOUT, chunk)
        except BlockingIOError:  # the pipe is full, and its owner has made it non-blocking
            select.select([], [STDOUT], [])
        if WORKER.page:
            WORKER.page.line_sent = sent
    if WORKER.page:
        WORKER.page.end_line()


def finish_line(page: Page) -> None:
    """Write the rest of the line during which a worker died, unless nothing of it was written."""
    data, size, start = page.read_line()
    sent = page.line_sent
    if size and start >= 0:
        sent = max(sent, min(size, _read_position() - start))
    if not sent:
        return
    with suppress(OSError):
        if sent < size:
            os.write(STDOUT, data[sent:] if size == len(data) else b"\n")
        page.reported += page.reporting


def _read_position() -> int:
    """Return the position in the file that stdout is; -1 if it is not a file."""
    with suppress(OSError):
        return os.lseek(STDOUT, 0, os.SEEK_CUR)
    return -1
