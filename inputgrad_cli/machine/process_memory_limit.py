"""Limits the memory of this process (`--max-memory`) and measures how much of it is free.

The command sets an allowance for its own process, once per call. Code that needs much memory asks
here first, so that it can refuse with a clear message; code that does not ask meets the limit that
the operating system enforces on the process. A Python caller sets no allowance; then the free
memory of the machine is the limit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from inputgrad_cli.machine.memory_and_core_limits import find_available_memory, read_held_memory
from inputgrad_cli.machine.memory_size_option import parse_size

AUTO_SHARE = 0.9  # share of the free memory for `auto`; the rest is left to other processes
STACK_BYTES = 64 << 20  # bytes of address space for the stacks of threads that start later


@dataclass(frozen=True)
class Allowance:
    """The most bytes that a process may hold, and where this limit comes from, in words.

    With `is_auto` the limit is not the user's choice.
    """

    max_bytes: int
    source: str
    is_auto: bool = False


@dataclass(frozen=True)
class FreeMemory:
    """The bytes that may still be allocated, and the limit they follow from, in words."""

    size: int
    source: str


class _Process:
    """The allowance of this process, and the operating system's limit before it was set."""

    allowance: Allowance | None = None
    previous_limit: tuple[int, int] | None = None


@contextmanager
def limit_memory(text: str) -> Iterator[Allowance]:
    """Limit the memory of this process to the value of `--max-memory` in this block."""
    size = parse_size(text)
    if size is None:
        free = find_available_memory()
        max_bytes = measure_resident() + int(AUTO_SHARE * free.value)
        source = f"nine tenths of {free.source}"
    else:
        max_bytes, source = size, f"--max-memory {text}"
    _Process.allowance = Allowance(max_bytes, source, is_auto=size is None)
    _set_data_limit(max_bytes)
    _notify_supervisor(max_bytes)
    try:
        yield _Process.allowance
    finally:
        _notify_supervisor(0)
        _lift_limit()
        _Process.allowance = None


def suspend_limit() -> None:
    """Lift the limit while libraries are loaded, because a failure there cannot be reported."""
    _notify_supervisor(0)
    _lift_limit()


def restore_limit() -> None:
    """Set the limit again, to the rest of the allowance after the libraries were loaded."""
    if _Process.allowance is not None:
        held = read_held_memory()
        rest = max(0, _Process.allowance.max_bytes - held.resident)
        _set_data_limit(held.data + rest + STACK_BYTES)
        _notify_supervisor(_Process.allowance.max_bytes)


@contextmanager
def limit_growth(size: int | None) -> Iterator[None]:
    """Let this process hold `size` more bytes in this block, if nobody has chosen its limit.

    With None it may hold what it may hold outside of the block.
    """
    allowance = _Process.allowance
    # Without a limit of the system, as with a GPU, none is set here either.
    has_limit = _Process.previous_limit is not None
    if size is None or allowance is None or not allowance.is_auto or not has_limit:
        yield
        return
    held = read_held_memory()
    rest = max(0, allowance.max_bytes - held.resident)
    _set_data_limit(held.data + min(size, rest) + STACK_BYTES)
    _notify_supervisor(min(allowance.max_bytes, held.resident + size))
    try:
        yield
    finally:
        restore_limit()


def _notify_supervisor(size: int) -> None:
    """Pass the limit in bytes to the process that supervises this one; 0 means no limit."""
    from inputgrad_cli.supervision.worker_state_reporting import WORKER  # not needed by --help

    WORKER.set_memory_limit(size)


def find_free_memory() -> FreeMemory:
    """Return how many bytes may still be allocated."""
    allowance = _Process.allowance
    if allowance is None:
        free = find_available_memory()
        return FreeMemory(int(AUTO_SHARE * free.value), f"nine tenths of {free.source}")
    return FreeMemory(max(0, allowance.max_bytes - measure_resident()), allowance.source)


def measure_resident() -> int:
    """Return the bytes of memory that this process holds; on macOS its peak so far."""
    if held := read_held_memory().resident:
        return held
    with suppress(ImportError, OSError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # macOS counts bytes here, and Linux KiB.
        return peak if sys.platform == "darwin" else peak << 10
    return 0


def _set_data_limit(size: int) -> None:
    """Limit private data to `size` bytes. Only Linux applies the limit to all of it."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        # Only once, or our own limit would be taken for the one before.
        if _Process.previous_limit is None:
            _Process.previous_limit = resource.getrlimit(resource.RLIMIT_DATA)
        unlimited = (resource.RLIM_INFINITY, -1)
        # A limit that the user has set with `ulimit` is never raised.
        bounds = [size, *(limit for limit in _Process.previous_limit if limit not in unlimited)]
        resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), _Process.previous_limit[1]))


def _lift_limit() -> None:
    """Restore the limit that was set before this process changed it."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        if _Process.previous_limit is not None:
            resource.setrlimit(resource.RLIMIT_DATA, _Process.previous_limit)
            _Process.previous_limit = None
