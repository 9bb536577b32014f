"""The lock of an output directory: one run holds it at a time, or several shares of one run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from inputgrad_cli.errors import BusyError, StorageError, UsageError
from inputgrad_cli.schema.read_records import NoRecordError, open_record
from inputgrad_cli.storage.atomic_write import TEMPORARIES
from inputgrad_cli.storage.shards import shard_of, tags_in
from inputgrad_cli.supervision.worker import WORKER

LOCK = ".lock"
DYING = 2.0  # seconds that a lock outlives the process that was killed, at most


class RunLock:
    """The output directory, made if need be, and held until `release`.

    A whole run holds it alone. A share holds it together with the other shares of the same
    number of them, and its own lock alone.
    """

    def __init__(self, out: Path, tag: str = "") -> None:
        self.out = out
        self._handles: list[int] = []
        try:
            out.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise UsageError(f"--out {out}: is a file, not a directory") from None
        except OSError as error:
            raise _unwritable(out, error) from None
        try:
            self._lock("", fcntl.LOCK_SH if tag else fcntl.LOCK_EX)
            if tag:
                self._lock(tag, fcntl.LOCK_EX)
                self._refuse_other_shares(tag)
        except Exception:
            self.release()
            raise
        self._sweep(tag)

    def _lock(self, tag: str, kind: int) -> None:
        path = self.out / f"{LOCK}{tag}"
        try:
            handle = open_record(path, os.O_RDWR | os.O_CREAT)
        except NoRecordError as error:
            raise UsageError(f"{path}: {error}", mend="remove it") from None
        except OSError as error:
            raise _unwritable(self.out, error) from None
        self._handles.append(handle)
        try:
            _wait_for_lock(handle, kind)
        except OSError:
            told = "; ".join(_holders(self.out))
            raise BusyError(
                f"--out {self.out}: another run is writing there" + (f" ({told})" if told else ""),
                mend="wait for it, or choose another --out",
            ) from None
        if kind == fcntl.LOCK_EX:
            os.truncate(handle, 0)
            os.pwrite(handle, f"process {WORKER.parent} on {platform.node()}".encode(), 0)

    def _refuse_other_shares(self, tag: str) -> None:
        """Raise UsageError where the run is shared in another way: items would be done twice."""
        mine = shard_of(tag)
        for other in map(shard_of, tags_in(self.out, LOCK, "")):
            if mine and other and other.of != mine.of:
                raise UsageError(
                    f"--shard {mine.number}/{mine.of}: {self.out} holds shares of {other.of}",
                    mend="finish those and join them with `inputgrad merge`, "
                    "or choose another --out",
                )

    def _sweep(self, tag: str) -> None:
        """Remove the temporary files of runs that were killed; nobody else can own them now."""
        for folder, folders, files in os.walk(self.out):
            # A directory inside that has a lock is another run's, and may be live.
            folders[:] = [f for f in folders if not (Path(folder) / f / LOCK).exists()]
            for name in files:
                found = TEMPORARIES.fullmatch(name)
                if found and tag in ("", found[1]):
                    (Path(folder) / name).unlink(missing_ok=True)

    def release(self) -> None:
        """Let the next run in."""
        while self._handles:
            os.close(self._handles.pop())


def _wait_for_lock(handle: int, kind: int) -> None:
    """Lock a file; OSError where another process that lives holds it.

    That of one that was killed goes with its worker, which ends at once, but a moment later.
    """
    until = time.monotonic() + DYING
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until or not _is_gone(os.pread(handle, 200, 0)):
                raise
        time.sleep(0.01)


def _is_gone(holder: bytes) -> bool:
    """Return whether a process is gone, by what it wrote into its lock."""
    number, _, node = holder.decode(errors="replace").removeprefix("process ").partition(" on ")
    if node != platform.node() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _holders(out: Path) -> Iterator[str]:
    """Yield what each live run wrote into its lock."""
    for tag in tags_in(out, LOCK, ""):
        with (
            contextlib.suppress(OSError, NoRecordError),
            os.fdopen(open_record(out / f"{LOCK}{tag}"), "rb") as file,
        ):
            try:
                # A share's lock tells; that of the whole may be old where shares hold it.
                fcntl.flock(file, (fcntl.LOCK_EX if tag else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except OSError:
                yield file.read(200).decode(errors="replace").strip()


def _unwritable(out: Path, error: OSError) -> StorageError:
    return StorageError(
        f"--out {out}: cannot be written",
        reason=str(error.strerror),
        mend="choose another --out",
    )
