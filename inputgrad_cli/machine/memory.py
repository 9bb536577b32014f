"""What this process may hold in memory: `--max-memory`, and what of it is left.

The command sets an allowance for its own process, once a call. Everything that wants much memory
asks here first, so that it can refuse in a sentence; what asks nobody meets the limit of the
process itself. A Python caller sets none: then what the machine leaves is the bound.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.machine.limits import available_memory

SHARE = 0.9  # of what is left, for `auto`: the rest of the machine goes on living
LEAST = 128 << 20  # bytes; Python and NumPy alone hold a third of it
STACKS = 64 << 20  # bytes of address space for stacks of threads that are begun later
STATM = Path("/proc/self/statm")
UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]?)(?:I?B)?", re.I | re.ASCII)
MEND = "give more with --max-memory where the machine has it"


@dataclass(frozen=True)
class Allowance:
    """What a process may hold, in bytes, and how that came about, in words."""

    most: int
    words: str


@dataclass(frozen=True)
class Room:
    """What may still be allocated, in bytes, and the bound that it follows from, in words."""

    size: int
    words: str


class _Process:
    """The allowance of this process, and the limit that stood before it was set."""

    allowance: Allowance | None = None
    before: tuple[int, int] | None = None


def parse_size(text: str) -> int | None:
    """Return the bytes that `800M` or `4G` means, None for `auto`; ValueError says what is wrong.

    K, M, G and T are powers of 1024; a bare number counts bytes.
    """
    if text == "auto":
        return None
    found = SIZE.fullmatch(text.strip())
    if not found:
        raise ValueError("is not a size such as 800M or 4G, or auto")
    size = int(float(found[1]) * (1 << UNITS[found[2].upper()]))
    if size < LEAST:
        raise ValueError(f"is less than {LEAST >> 20}M, which the libraries alone would need")
    return size


@contextmanager
def allowing(text: str) -> Iterator[Allowance]:
    """Let this process hold what `--max-memory` says in this block, and no more."""
    size = parse_size(text)
    if size is None:
        free = available_memory()
        most = resident() + int(SHARE * free.value)
        words = f"nine tenths of {free.source}"
    else:
        most, words = size, f"--max-memory {text}"
    _Process.allowance = Allowance(most, words)
    _limit_data(most)
    _may_hold(most)
    try:
        yield _Process.allowance
    finally:
        _may_hold(0)
        _lift()
        _Process.allowance = None


def pause() -> None:
    """Lift the limit while libraries are loaded: what fails in there cannot be told."""
    _may_hold(0)
    _lift()


def enforce() -> None:
    """Set the limit again, to what is left of the allowance now that libraries are loaded."""
    if _Process.allowance is not None:
        held, data = _pages()
        _limit_data(data + max(0, _Process.allowance.most - held) + STACKS)
        _may_hold(_Process.allowance.most)


def _may_hold(size: int) -> None:
    """Tell the process that watches this one."""
    from inputgrad_cli.supervision.worker import WORKER  # --help needs none

    WORKER.may_hold(size)


def room() -> Room:
    """Return what may still be allocated."""
    own = _Process.allowance
    if own is None:
        free = available_memory()
        return Room(int(SHARE * free.value), f"nine tenths of {free.source}")
    return Room(max(0, own.most - resident()), own.words)


def resident() -> int:
    """Return the bytes of memory that this process holds; on macOS the most that it held."""
    held, _ = _pages()
    if held:
        return held
    with suppress(ImportError, OSError):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most << 10
    return 0


def _pages() -> tuple[int, int]:
    """Return the bytes that are held, and those of private data; zeros where none can tell."""
    with suppress(OSError, ValueError, IndexError):
        words = [int(word) for word in STATM.read_text().split()]
        page = os.sysconf("SC_PAGE_SIZE")
        return words[1] * page, words[5] * page
    return 0, 0


def _limit_data(size: int) -> None:
    """Let private data grow to so many bytes at most. Linux alone heeds it for all of them."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        if _Process.before is None:
            _Process.before = resource.getrlimit(resource.RLIMIT_DATA)
        unlimited = (resource.RLIM_INFINITY, -1)
        bounds = [size, *(limit for limit in _Process.before if limit not in unlimited)]
        resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), _Process.before[1]))


def _lift() -> None:
    """Put the limit back that stood before ours."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        if _Process.before is not None:
            resource.setrlimit(resource.RLIMIT_DATA, _Process.before)
            _Process.before = None
