"""Provides one temporary folder for all temporary files of a call, removed when the call ends.

TensorFlow and Keras leave files behind if a call is refused or interrupted, and a process that
exits at once does not run their clean-up. Therefore they write to this folder, which is removed as
a whole. The next call removes the folder of a killed process, whose lock nobody holds any more.
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

FOLDER_PREFIX = "inputgrad-call-"
LOCK_NAME = ".lock"
TMPDIR_VARIABLE = "TMPDIR"
MAX_TRIES = 20  # to remove a folder that another thread may still write to
PAUSE_SECONDS = 0.01  # between two tries


class TemporaryFolder:
    """The folder `folder`, which is Python's temporary folder from `open` to `remove`.

    Only the process that created it can remove it, not one that was forked from that.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._owner = self._lock = -1

    def open(self) -> None:
        """Create the folder; if that fails, the usual temporary folder stays in use."""
        with contextlib.suppress(OSError):
            _remove_leftovers(Path(tempfile.gettempdir()))
            self._owner = os.getpid()
            self.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
            self._lock = os.open(self.folder / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            tempfile.tempdir = os.environ[TMPDIR_VARIABLE] = str(self.folder)

    def clear(self) -> None:
        """Remove the files that a dead worker left; names that begin with a dot are inputgrad's."""
        for path in self.folder.iterdir() if self.folder else ():
            if not path.name.startswith("."):
                _remove(path)

    def remove(self) -> None:
        """Remove the folder with its content; can be called from any thread, and repeatedly."""
        folder, self.folder = self.folder, None
        if folder is not None and os.getpid() == self._owner:
            tempfile.tempdir = os.environ[TMPDIR_VARIABLE] = str(folder.parent)
            _remove(folder)
            with contextlib.suppress(OSError):
                os.close(self._lock)

    def get_outer_folder(self) -> str:
        """Return the temporary folder of the machine, for files that remain after the call."""
        return str(self.folder.parent) if self.folder else tempfile.gettempdir()


def _remove(folder: Path) -> None:
    for _ in range(MAX_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if folder.is_file() or folder.is_symlink():
            folder.unlink(missing_ok=True)
        if not folder.exists():
            return
        time.sleep(PAUSE_SECONDS)


def _remove_leftovers(parent: Path) -> None:
    """Remove the folders of calls that were killed."""
    with os.scandir(parent) as entries:
        folders = [Path(entry.path) for entry in entries if entry.name.startswith(FOLDER_PREFIX)]
    for folder in folders:
        with contextlib.suppress(OSError):
            if _is_leftover(folder):
                _remove(folder)


def _is_leftover(folder: Path) -> bool:
    """Return whether a folder belongs to this user and to a process that has ended.

    The lock of a folder is released when its process ends.
    """
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        return False
    if _is_running(folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]):
        return False  # the process may not have locked the folder yet
    lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):
        return True  # the name has no PID, or another user's process has it
    return True


TEMPORARY_FOLDER = TemporaryFolder()  # the only one of this process
