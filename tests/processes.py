"""Processes that a test starts, and that do not outlive it."""

import subprocess
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def started():
    """Yield a Popen that keeps what it starts; what still runs at the end is ended."""
    running = []

    def popen(words, **options):
        pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
        running.append(subprocess.Popen(words, text=True, **{**pipes, **options}))
        return running[-1]

    try:
        yield popen
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
            process.communicate()


def has_mapped(process, library):
    """Return whether a child of the process has a library in memory whose path holds a word."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return any(library in Path(f"/proc/{child}/maps").read_text() for child in children)
