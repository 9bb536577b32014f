"""Finds the two processes of a command: the one that was started, and its worker."""

import time
from contextlib import suppress
from pathlib import Path

GONE = ("", "Z")  # states of a process that has ended; not every machine's first process buries it


def worker_of(process, seconds=30):
    """Return the number of the process that works for one that was started."""
    until = time.monotonic() + seconds
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        if words := path.read_text().split():
            return int(words[0])
        time.sleep(0.002)
    raise AssertionError("no worker")


def state_of(pid):
    """Return the state of a process as /proc tells it; nothing where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def wait_for(fact, seconds=30):
    """Wait until a fact holds."""
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.005)
