"""Memory and cores that this process may use: the least that machine, limits and container leave.

A container sees the memory and the cores of its host; what it may use of them stands in its control
group, in files of one of two layouts (versions 1 and 2), on every level from its own group to the
top. All files are read below a root, which is `/` except in tests.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path("/")
UNLIMITED = 1 << 60  # version 1 writes the largest multiple of a page instead of "no limit"


@dataclass(frozen=True)
class Limit:
    """A limit, in bytes that are left or in cores, and what sets it."""

    value: int
    source: str


def list_memory(root: Path = ROOT) -> list[Limit]:
    """Return the bytes that each source leaves to this process, the machine first."""
    limits = [_machine_memory(root), *_process_memory(root)]
    for folder, version in _groups(root, "memory"):
        limits += _group_memory(folder, version, root)
    return limits


def list_cores(root: Path = ROOT) -> list[Limit]:
    """Return the cores that each source leaves to this process, the machine first."""
    limits = [Limit(os.cpu_count() or 1, "the machine")]
    if hasattr(os, "sched_getaffinity"):
        limits.append(Limit(visible_cores(), "the affinity mask"))
    for folder, version in _groups(root, "cpu"):
        quota = _version_2_cores(folder) if version == 2 else _version_1_cores(folder)
        if quota:
            limits.append(Limit(max(1, math.ceil(quota)), _name(folder, root)))
    return limits


def visible_cores() -> int:
    """Return the cores of the affinity mask, which is all that most libraries look at."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory(root: Path = ROOT) -> Limit:
    """Return the least of the bytes that are left, and what leaves no more."""
    return min(list_memory(root), key=lambda limit: limit.value)


def available_cores(root: Path = ROOT) -> Limit:
    """Return the least of the cores, and what allows no more."""
    return min(list_cores(root), key=lambda limit: limit.value)


def _machine_memory(root: Path) -> Limit:
    with suppress(OSError, StopIteration, ValueError):
        lines = (root / "proc/meminfo").read_text().splitlines()
        free = next(line for line in lines if line.startswith("MemAvailable:"))
        return Limit(int(free.split()[1]) << 10, "the machine's free memory")
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Limit(pages, "the machine's memory")


def _process_memory(root: Path) -> Iterator[Limit]:
    """Yield what the limits of the process leave: `ulimit -v` and `ulimit -d`."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    words = [0] * 7
    with suppress(OSError, ValueError):
        words = [int(word) for word in (root / "proc/self/statm").read_text().split()]
    page = os.sysconf("SC_PAGE_SIZE")
    for name, used in (("RLIMIT_AS", words[0]), ("RLIMIT_DATA", words[5])):
        limit, _ = resource.getrlimit(getattr(resource, name))
        if limit not in (resource.RLIM_INFINITY, -1):
            yield Limit(max(0, limit - used * page), f"the process limit {name}")


def _groups(root: Path, controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the folders of this process's control groups, innermost first, and their version."""
    with suppress(OSError):
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, _, rest = line.partition(":")
            names, _, path = rest.partition(":")
            version = 1 if names else 2
            if version == 1 and controller not in names.split(","):
                continue
            for top, mounted in _mounts(mounts, version, controller):
                yield from ((folder, version) for folder in _levels(root, mounted, top, path))


def _mounts(lines: list[str], version: int, controller: str) -> Iterator[tuple[str, str]]:
    """Yield, for each place where control groups are mounted, the group that is its top, and it."""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        fits = kind[0] == "cgroup2" if version == 2 else kind[0] == "cgroup"
        if fits and (version == 2 or controller in kind[2].split(",")):
            yield fields[3], fields[4]


def _levels(root: Path, mounted: str, top: str, path: str) -> Iterator[Path]:
    """Yield the folders from a group up to the top of its mount; a container may see no others."""
    group = PurePosixPath(path)
    base = root / mounted.lstrip("/")
    inner = group.relative_to(top) if group.is_relative_to(top) else PurePosixPath()
    for part in (inner, *inner.parents):
        yield base / part


def _group_memory(folder: Path, version: int, root: Path) -> Iterator[Limit]:
    names = (
        ("memory.max", "memory.current", "inactive_file")
        if version == 2
        else ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    )
    limit = _number(folder / names[0])
    if limit is None or limit >= UNLIMITED:
        return
    used = _number(folder / names[1]) or 0
    yield Limit(max(0, limit - used + _reclaimable(folder, names[2])), _name(folder, root))


def _reclaimable(folder: Path, key: str) -> int:
    """Return the bytes of files that are only cached: they count as used until they are needed."""
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return int(value)
    return 0


def _version_2_cores(folder: Path) -> float | None:
    with suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    return None


def _version_1_cores(folder: Path) -> float | None:
    quota, period = (_number(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return quota / period if quota and period and quota > 0 else None


def _number(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _name(folder: Path, root: Path) -> str:
    return f"the control group {'/' / folder.relative_to(root)}"
