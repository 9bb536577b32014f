"""Files that are whole or absent, and a directory that one run holds at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from inputgrad_cli.errors import BusyError, StorageError, UsageError

TEMPORARY = ".ig-"
LOCK = ".lock"
Bytes = bytes | memoryview


def write_whole(path: Path, data: Bytes) -> None:
    """Write `data` to `path` so that the name never stands for less; StorageError."""
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{path.name[-40:]}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(
            f"{path}: cannot be written",
            reason=str(error.strerror or error),
            mend="free some space or choose another --out",
        ) from None


def sync_folder(folder: Path) -> None:
    """Make the names in a directory as durable as the files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def folds_case(out: Path) -> bool:
    """Return whether the file system of `out` takes a.png and A.png for one name."""
    here = Path(os.path.abspath(out))
    while not here.exists():
        here = here.parent
    twin = here.with_name(here.name.swapcase())
    return twin.name != here.name and twin.exists() and twin.samefile(here)


class Hold:
    """The output directory, made if need be, and held until `release`."""

    def __init__(self, out: Path) -> None:
        self.out = out
        try:
            out.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise UsageError(f"--out {out}: is a file, not a directory") from None
        except OSError as error:
            raise _unwritable(out, error) from None
        try:
            self._handle = os.open(out / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _unwritable(out, error) from None
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._handle, 100, 0).decode(errors="replace").strip()
            os.close(self._handle)
            raise BusyError(
                f"--out {out}: another run is writing there" + (f" ({holder})" if holder else ""),
                mend="wait for it, or choose another --out",
            ) from None
        os.truncate(self._handle, 0)
        os.pwrite(self._handle, f"process {os.getpid()}".encode(), 0)
        self._sweep()

    def _sweep(self) -> None:
        """Remove the temporary files of runs that were killed; nobody else can own them now."""
        for folder, folders, files in os.walk(self.out):
            # A directory inside that has a lock is another run's, and may be live.
            folders[:] = [f for f in folders if not (Path(folder) / f / LOCK).exists()]
            for name in files:
                if name.startswith(TEMPORARY) and name.endswith(".tmp"):
                    (Path(folder) / name).unlink(missing_ok=True)

    def release(self) -> None:
        """Let the next run in."""
        os.close(self._handle)


def _unwritable(out: Path, error: OSError) -> StorageError:
    return StorageError(
        f"--out {out}: cannot be written",
        reason=str(error.strerror),
        mend="choose another --out",
    )
