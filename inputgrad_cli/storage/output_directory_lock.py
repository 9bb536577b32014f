"""Locks an output directory for one run, or for several shards of one run, at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from inputgrad_cli.errors import BusyError, StorageError, UsageError
from inputgrad_cli.schema.safe_record_reading import InvalidRecordError, open_record
from inputgrad_cli.storage.atomic_write import TEMPORARY_PATTERN, build_write_error
from inputgrad_cli.storage.shard_file_names import RecordFile, parse_tag
from inputgrad_cli.supervision.worker_state_reporting import WORKER

LOCK_FILE = RecordFile(".lock")
LINGER_SECONDS = 2.0  # that a lock may outlive a killed process, because its worker ends later
POLL_SECONDS = 0.01
MAX_HOLDER_BYTES = 200  # of the text in a lock: `process PID on HOST`


class RunLock:
    """The lock of an output directory, which is created if needed; held until `release`.

    A complete run holds an exclusive lock. A shard holds a shared lock, together with the other
    shards of the same run, and an exclusive lock of its own.
    """

    def __init__(self, out: Path, tag: str = "") -> None:
        self.out, self._tag = out, tag
        self._handles: list[int] = []
        try:
            out.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise UsageError(f"--out {out}: is a file, not a directory") from None
        except OSError as error:
            raise _build_write_error(out, error) from None
        try:
            self._lock("", fcntl.LOCK_SH if tag else fcntl.LOCK_EX)
            if tag:
                self._lock(tag, fcntl.LOCK_EX)
                self._refuse_other_shards(tag)
        except Exception:
            self.release()
            raise
        self.remove_temporary_files()

    def _lock(self, tag: str, kind: int) -> None:
        path = self.out / LOCK_FILE.get_name(tag)
        try:
            handle = open_record(path, os.O_RDWR | os.O_CREAT)
        except InvalidRecordError as error:
            raise UsageError(f"{path}: {error}", hint="remove it") from None
        except OSError as error:
            raise _build_write_error(self.out, error) from None
        # Kept before it is locked, so that `release` also closes it if the lock is refused.
        self._handles.append(handle)
        try:
            _wait_for_lock(handle, kind)
        except OSError:
            holders = "; ".join(_yield_holders(self.out))
            raise BusyError(
                f"--out {self.out}: another run is writing there"
                + (f" ({holders})" if holders else ""),
                hint="wait for it, or choose another --out",
            ) from None
        if kind == fcntl.LOCK_EX:
            os.truncate(handle, 0)
            # The parent is the process that the user started, and the one that a user would kill.
            os.pwrite(handle, f"process {WORKER.parent} on {platform.node()}".encode(), 0)

    def _refuse_other_shards(self, tag: str) -> None:
        """Raise UsageError if the run has another number of shards, which would repeat items."""
        shard = parse_tag(tag)
        for other in map(parse_tag, LOCK_FILE.list_tags(self.out)):
            if shard and other and other.of != shard.of:
                raise UsageError(
                    f"--shard {shard}: {self.out} holds shares of {other.of}",
                    hint="finish those and join them with `inputgrad merge`, "
                    "or choose another --out",
                )

    def remove_temporary_files(self) -> None:
        """Remove those of killed processes; the lock ensures that no live run has any."""
        for folder, folders, files in os.walk(self.out):
            # A nested directory with a lock belongs to another run, which may be alive.
            folders[:] = [
                f for f in folders if not (Path(folder) / f / LOCK_FILE.get_name()).exists()
            ]
            for name in files:
                match = TEMPORARY_PATTERN.fullmatch(name)
                if match and self._tag in ("", match[1]):
                    (Path(folder) / name).unlink(missing_ok=True)

    def release(self) -> None:
        """Release the lock, so that another run can take it."""
        while self._handles:
            os.close(self._handles.pop())


def _wait_for_lock(handle: int, kind: int) -> None:
    """Lock a file; OSError if a live process holds the lock.

    The lock of a killed process is released when its worker ends, which is a moment later.
    """
    # The kernel frees such a lock when its process ends, however it ends, so that no file of a dead
    # run must be removed by hand.
    deadline = time.monotonic() + LINGER_SECONDS
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline or not _is_gone(os.pread(handle, MAX_HOLDER_BYTES, 0)):
                raise
        time.sleep(POLL_SECONDS)


def _is_gone(holder: bytes) -> bool:
    """Return whether the process that wrote this text into its lock has ended."""
    pid, _, node = holder.decode(errors="replace").removeprefix("process ").partition(" on ")
    # On another machine, which shares this directory, the same number is another process.
    if node != platform.node() or not pid.isdecimal():
        return False
    try:
        # Signal 0 is never delivered; it only asks whether the process exists.
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError, ValueError):
        return True  # there is none, or the text is damaged and its number is none of a process
    except OSError:  # the process exists, but belongs to another user
        return False
    return False


def _yield_holders(out: Path) -> Iterator[str]:
    """Yield the text that each live run wrote into its lock."""
    for tag in LOCK_FILE.list_tags(out):
        with (
            contextlib.suppress(OSError, InvalidRecordError),
            os.fdopen(open_record(out / LOCK_FILE.get_name(tag)), "rb") as file,
        ):
            try:
                # If shards hold the lock, its text may be older; the locks of the shards have it.
                fcntl.flock(file, (fcntl.LOCK_EX if tag else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except OSError:
                yield file.read(MAX_HOLDER_BYTES).decode(errors="replace").strip()


def _build_write_error(out: Path, error: OSError) -> StorageError:
    return build_write_error(f"--out {out}", error, hint="choose another --out")
