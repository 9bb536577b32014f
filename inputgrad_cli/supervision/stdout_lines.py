"""Lines of stdout that are whole even where the process that writes one dies in the middle of it.

The worker lays each line down in the page that it shares, and writes it in pieces that a pipe takes
whole or not at all; the parent can then write the rest.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress

from inputgrad_cli.supervision.shared_page import Page
from inputgrad_cli.supervision.worker import WORKER

STDOUT = 1


def is_shared() -> bool:
    """Return whether another process could write the rest of a line."""
    return WORKER.page is not None


def write_line(data: bytes) -> None:
    """Write a line to stdout."""
    if WORKER.page:
        WORKER.page.begin_line(data, _position())
    sent = 0
    while sent < len(data):
        piece = data[sent : sent + select.PIPE_BUF]
        try:
            sent += os.write(STDOUT, piece)
        except BlockingIOError:  # the other end reads slowly, and the caller shares it so
            select.select([], [STDOUT], [])
        if WORKER.page:
            WORKER.page.line_sent = sent
    if WORKER.page:
        WORKER.page.end_line()


def finish_line(page: Page) -> None:
    """Write the rest of the line that a worker died at; one that was not begun stays so."""
    data, size, start = page.line()
    sent = page.line_sent
    if size and start >= 0:
        sent = max(sent, min(size, _position() - start))
    if not sent:
        return
    with suppress(OSError):
        if sent < size:
            os.write(STDOUT, data[sent:] if size == len(data) else b"\n")
        page.reported += page.reporting


def _position() -> int:
    """Return how far a file is written; -1 where stdout is none."""
    with suppress(OSError):
        return os.lseek(STDOUT, 0, os.SEEK_CUR)
    return -1
