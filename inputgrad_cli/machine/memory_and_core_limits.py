"""Finds how much memory and how many cores this process may use.

The machine, the limits of the process and its control groups each set a limit, and the smallest of
them holds. A container sees the memory and the cores of its host; what it may use of them is
written in its control group, in files of one of two layouts (versions 1 and 2), on every level from
its own group to the top. All files are read below a root, which is `/` except in tests.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path("/")
UNLIMITED = 1 << 60  # bytes; for "no limit", version 1 writes the largest multiple of a page


@dataclass(frozen=True)
class Limit:
    """A limit, in free bytes or in cores, and the name of what sets it."""

    value: int
    source: str


class _Process:
    """The share of the cores that this process has; None for all that it may use."""

    cores: int | None = None


@dataclass(frozen=True)
class HeldMemory:
    """The bytes of this process: its address space, what of it is in memory, its private data."""

    addresses: int = 0
    resident: int = 0
    data: int = 0


def list_memory(root: Path = ROOT) -> list[Limit]:
    """Return the free bytes by each limit on this process; the machine comes first."""
    limits = [_read_machine_memory(root), *_read_process_limits(root)]
    for folder, version in _find_groups(root, "memory"):
        limits += _read_group_memory(folder, version, root)
    return limits


def list_cores(root: Path = ROOT) -> list[Limit]:
    """Return the cores by each limit on this process; the machine comes first."""
    limits = [Limit(os.cpu_count() or 1, "the machine")]
    if hasattr(os, "sched_getaffinity"):
        limits.append(Limit(count_visible_cores(), "the affinity mask"))
    for folder, version in _find_groups(root, "cpu"):
        quota = _read_cores_v2(folder) if version == 2 else _read_cores_v1(folder)
        if quota:
            # A quota of one core and a half is used up only by two threads.
            limits.append(Limit(max(1, math.ceil(quota)), _name_group(folder, root)))
    return limits


def set_core_share(count: int) -> None:
    """Note that this process has a share of the cores, because others of its run use the rest.

    It holds for the threads that share the passes, and not for those inside of kernels: how many
    these are may change the last digits of a result.
    """
    _Process.cores = count


def count_shared_cores() -> int:
    """Return how many passes this process should compute at a time."""
    return _Process.cores or find_available_cores().value


def count_visible_cores() -> int:
    """Return the number of cores in the affinity mask; most libraries read no other limit."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def find_available_memory(root: Path = ROOT) -> Limit:
    """Return the limit that leaves the fewest bytes."""
    return min(list_memory(root), key=lambda limit: limit.value)


def find_available_cores(root: Path = ROOT) -> Limit:
    """Return the limit that allows the fewest cores."""
    return min(list_cores(root), key=lambda limit: limit.value)


def _read_machine_memory(root: Path) -> Limit:
    """Return the free memory of the machine, or all of it if that is not known."""
    with suppress(OSError, StopIteration, ValueError):
        lines = (root / "proc/meminfo").read_text().splitlines()
        # Unlike MemFree, this counts the cached files that give way when memory is needed.
        free = next(line for line in lines if line.startswith("MemAvailable:"))
        return Limit(int(free.split()[1]) << 10, "the machine's free memory")
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Limit(pages, "the machine's memory")


def _read_process_limits(root: Path) -> Iterator[Limit]:
    """Yield the bytes that `ulimit -v` and `ulimit -d` leave to this process."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return
    held = read_held_memory(root)
    for name, used in (("RLIMIT_AS", held.addresses), ("RLIMIT_DATA", held.data)):
        limit, _ = resource.getrlimit(getattr(resource, name))
        if limit not in (resource.RLIM_INFINITY, -1):
            yield Limit(max(0, limit - used), f"the process limit {name}")


def read_held_memory(root: Path = ROOT) -> HeldMemory:
    """Return the memory of this process; zeros where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        pages = [int(word) for word in (root / "proc/self/statm").read_text().split()]
        page = os.sysconf("SC_PAGE_SIZE")
        # The fields between are shared pages, code, and one that Linux no longer fills.
        return HeldMemory(pages[0] * page, pages[1] * page, pages[5] * page)
    return HeldMemory()


def _find_groups(root: Path, controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the folder and version of each control group of this process, innermost first."""
    with suppress(OSError):
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            # A line is `ID:CONTROLLERS:PATH`. Version 2 leaves the controllers empty.
            _, _, rest = line.partition(":")
            names, _, path = rest.partition(":")
            version = 1 if names else 2
            if version == 1 and controller not in names.split(","):
                continue
            for top, mounted in _find_mounts(mounts, version, controller):
                yield from ((folder, version) for folder in _list_levels(root, mounted, top, path))


def _find_mounts(lines: list[str], version: int, controller: str) -> Iterator[tuple[str, str]]:
    """Yield the top group and the mount point of each mount of control groups."""
    for line in lines:
        # The number of fields before the dash varies, so that those after it are counted from
        # there.
        before, _, after = line.partition(" - ")
        fields, filesystem = before.split(), after.split()
        if len(fields) < 5 or len(filesystem) < 3:
            continue
        matches = filesystem[0] == "cgroup2" if version == 2 else filesystem[0] == "cgroup"
        if matches and (version == 2 or controller in filesystem[2].split(",")):
            yield fields[3], fields[4]


def _list_levels(root: Path, mounted: str, top: str, path: str) -> Iterator[Path]:
    """Yield the folders from a group up to the top of its mount.

    A container may not see the groups above that.
    """
    group = PurePosixPath(path)
    base = root / mounted.lstrip("/")
    inner = group.relative_to(top) if group.is_relative_to(top) else PurePosixPath()
    for part in (inner, *inner.parents):
        yield base / part


def _read_group_memory(folder: Path, version: int, root: Path) -> Iterator[Limit]:
    """Yield the bytes that one control group leaves, if it has a limit."""
    names = (
        ("memory.max", "memory.current", "inactive_file")
        if version == 2
        else ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    )
    limit = _read_integer(folder / names[0])
    if limit is None or limit >= UNLIMITED:
        return
    used = _read_integer(folder / names[1]) or 0
    yield Limit(
        max(0, limit - used + _read_reclaimable(folder, names[2])), _name_group(folder, root)
    )


def _read_reclaimable(folder: Path, key: str) -> int:
    """Return the bytes of cached files, which count as used until the memory is needed."""
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return int(value)
    return 0


def _read_cores_v2(folder: Path) -> float | None:
    with suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    return None


def _read_cores_v1(folder: Path) -> float | None:
    quota, period = (_read_integer(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    # A quota of -1 means no limit.
    return quota / period if quota and period and quota > 0 else None


def _read_integer(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _name_group(folder: Path, root: Path) -> str:
    return f"the control group {'/' / folder.relative_to(root)}"
