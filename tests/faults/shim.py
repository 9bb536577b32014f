"""Makes one call to the disk fail: the n-th of all that touch the output directory."""

import builtins
import errno
import fcntl
import io
import mmap
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from inputgrad_cli.supervision.worker_state_reporting import WORKER

WRITING = os.O_WRONLY | os.O_RDWR


@dataclass
class Shim:
    """Counts the calls below `folder`, and spoils call `at`, or every one from there on.

    `effect` is the name of an error number; `torn`, a write that ends half way with ENOSPC; or
    `kill`, the end of the process, and of the one that watches it, by SIGKILL before the call;
    `die`, the end of the process alone. Processes of one command count together.
    `fired` are the calls it spoiled.
    """

    folder: Path
    at: int
    effect: str = "ENOSPC"
    persistent: bool = False
    only: str = ""
    report: Path | None = None
    count: memoryview = field(default_factory=lambda: memoryview(mmap.mmap(-1, 8)).cast("q"))
    ours: set[int] = field(default_factory=set)

    def met(self, call: str, target) -> bool:
        """Count a call, and return whether it is to fail; a kill does not return."""
        if self.only and call not in self.only.split(","):
            return False
        if not self.is_below(target):
            return False
        self.count[0] += 1
        due = self.count[0] >= self.at if self.persistent else self.count[0] == self.at
        if due and self.report:
            with _OPEN(self.report, "a") as file:
                file.write(f"{call} {target}\n")
        if due and self.effect == "kill":
            os.kill(WORKER.parent, signal.SIGKILL)
        if due and self.effect in ("kill", "die"):
            os.kill(os.getpid(), signal.SIGKILL)
        return due

    def is_below(self, target) -> bool:
        """Return whether a path, or the number of an open file, is of the output directory."""
        if isinstance(target, int):
            return target in self.ours
        return Path(os.path.abspath(os.fsdecode(target))).is_relative_to(self.folder)

    def error(self, target) -> OSError:
        """Return the error that a spoiled call raises."""
        code = errno.ENOSPC if self.effect == "torn" else getattr(errno, self.effect)
        return OSError(code, os.strerror(code), None if isinstance(target, int) else target)


_OPEN = builtins.open


def install(shim: Shim) -> None:
    """Put the shim between this process and the disk."""
    for module, name in (
        (os, "fsync"),
        (os, "replace"),
        (os, "mkdir"),
        (os, "truncate"),
        (os, "unlink"),
        (os, "pwrite"),
        (fcntl, "flock"),
    ):
        _plain(shim, module, name)
    _open(shim)
    _write(shim)
    _files(shim)


def _plain(shim, module, name):
    true = getattr(module, name)

    def call(target, *words, **options):
        descriptor = target.fileno() if hasattr(target, "fileno") else target
        if shim.met(name, descriptor):
            raise shim.error(descriptor)
        return true(target, *words, **options)

    setattr(module, name, call)


def _open(shim):
    true, close = os.open, os.close

    def call(path, flags, *words, **options):
        if flags & WRITING and shim.met("open", path):
            raise shim.error(path)
        descriptor = true(path, flags, *words, **options)
        (shim.ours.add if shim.is_below(path) else shim.ours.discard)(descriptor)
        return descriptor

    def closed(descriptor):
        shim.ours.discard(descriptor)
        return close(descriptor)

    os.open, os.close = call, closed


def _half(shim, data):
    """Return what a write that fails leaves on the disk all the same."""
    return bytes(data)[: len(data) // 2] if shim.effect == "torn" else b""


def _write(shim):
    true = os.write

    def call(descriptor, data):
        if descriptor in shim.ours and shim.met("write", descriptor):
            true(descriptor, _half(shim, data))
            raise shim.error(descriptor)
        return true(descriptor, data)

    os.write = call


class Spoiled(io.FileIO):
    """A file whose writes and whose end may fail."""

    def __init__(self, target, mode, shim):
        super().__init__(target, mode)
        self._shim = shim
        shim.ours.add(self.fileno())

    def write(self, data):
        if self._shim.met("write", self.fileno()):
            super().write(_half(self._shim, data))
            raise self._shim.error(self.fileno())
        return super().write(data)

    def close(self):
        descriptor = None if self.closed else self.fileno()
        super().close()
        if descriptor is not None and descriptor in self._shim.ours:
            spoiled = self._shim.met("close", descriptor)
            self._shim.ours.discard(descriptor)
            if spoiled:
                raise self._shim.error(descriptor)


def _files(shim):
    """Replace `open` for files that are written; Python writes to them below `os.write`."""

    def call(file, mode="r", buffering=-1, *words, **options):
        target = file if isinstance(file, int) else os.fspath(file)
        if not set(mode) & set("wax+") or not shim.is_below(target):
            return _OPEN(file, mode, buffering, *words, **options)
        if not isinstance(file, int) and shim.met("open", target):
            raise shim.error(target)
        raw = Spoiled(target, mode.replace("b", "").replace("t", ""), shim)
        buffered = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, *words, **options)

    builtins.open = io.open = call
