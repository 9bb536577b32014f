"""Processes that a test starts, and that do not outlive it."""

import subprocess
from contextlib import contextmanager


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
