"""One temporary directory for everything that a call writes aside, gone at every end of it.

TensorFlow and Keras leave files behind where a call is refused or interrupted, and a process that
ends at once runs no clean-up of theirs. So all of them are given a directory of ours, which goes
as a whole. What a killed process left is removed by the next call: nobody holds its lock any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

PREFIX = "inputgrad-call-"
LOCK = ".lock"
VARIABLE = "TMPDIR"
TRIES = 20  # while another thread still writes into it, a directory is not empty for long
PAUSE = 0.01  # seconds


class Scratch:
    """The directory `folder`, in the place of the temporary one from `open` to `remove`.

    It is the process's that made it, to remove: not that of one that was forked from it.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._owner = self._lock = -1

    def open(self) -> None:
        """Make the directory; where that is not possible, all is written where it always was."""
        with contextlib.suppress(OSError):
            outside = Path(tempfile.gettempdir())
            _sweep(outside)
            self._owner = os.getpid()
            self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
            self._lock = os.open(self.folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            tempfile.tempdir = os.environ[VARIABLE] = str(self.folder)

    def clear(self) -> None:
        """Remove what a process that died left there; what begins with a dot is ours."""
        for path in self.folder.iterdir() if self.folder else ():
            if not path.name.startswith("."):
                _remove(path)

    def remove(self) -> None:
        """Remove the directory with all that is in it; from any thread, as often as one likes."""
        folder, self.folder = self.folder, None
        if folder is not None and os.getpid() == self._owner:
            tempfile.tempdir = os.environ[VARIABLE] = str(folder.parent)
            _remove(folder)
            with contextlib.suppress(OSError):
                os.close(self._lock)

    def outside(self) -> str:
        """Return the temporary directory of the machine, for what is to outlive the call."""
        return str(self.folder.parent) if self.folder else tempfile.gettempdir()


def _remove(folder: Path) -> None:
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if folder.is_file() or folder.is_symlink():
            folder.unlink(missing_ok=True)
        if not folder.exists():
            return
        time.sleep(PAUSE)


def _sweep(outside: Path) -> None:
    """Remove the directories of calls that were killed."""
    with os.scandir(outside) as entries:
        left = [Path(entry.path) for entry in entries if entry.name.startswith(PREFIX)]
    for folder in left:
        with contextlib.suppress(OSError):
            if _is_left(folder):
                _remove(folder)


def _is_left(folder: Path) -> bool:
    """Return whether a directory is ours, and its process gone: the lock ends with the process."""
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
        return False
    if _lives(folder.name.removeprefix(PREFIX).partition("-")[0]):
        return False  # it may not have locked it yet
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _lives(number: str) -> bool:
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):
        return True  # not of ours, or not to be seen
    return True


SCRATCH = Scratch()  # a process has one
