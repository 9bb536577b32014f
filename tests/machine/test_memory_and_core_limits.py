"""Memory and cores are the least that machine, process and container leave, by files in a root."""

import os
import resource
import subprocess
import sys

import pytest

from inputgrad_cli.machine.memory_and_core_limits import (
    count_visible_cores,
    find_available_cores,
    find_available_memory,
    list_cores,
    list_memory,
)

GIB = 1 << 30
HOST = {"proc/meminfo": f"MemTotal: {64 << 20} kB\nMemAvailable: {60 << 20} kB\n"}
NO_LIMIT = "9223372036854771712"
MOUNT_2 = "30 23 0:26 {top} /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n"
MOUNT_1 = "31 23 0:27 {top} /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}\n"


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(text))
    return root


def pod(used=GIB, cached=0, limit=4 * GIB, group="", cpu="200000 100000"):
    """Return the files of a pod under version 2, `group` below the top of its mount."""
    base = f"sys/fs/cgroup{group}"
    return {
        **HOST,
        "proc/self/cgroup": f"0::{group or '/'}\n",
        "proc/self/mountinfo": MOUNT_2.format(top="/"),
        f"{base}/memory.max": limit,
        f"{base}/memory.current": used,
        f"{base}/memory.stat": f"anon 1\ninactive_file {cached}\n",
        f"{base}/cpu.max": cpu,
    }


def docker(limit=4 * GIB, quota=150_000, top="/"):
    """Return the files of a container under version 1: one mount for each controller."""
    return {
        **HOST,
        "proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n",
        "proc/self/mountinfo": MOUNT_1.format(top=top, name="memory")
        + MOUNT_1.format(top=top, name="cpu,cpuacct"),
        "sys/fs/cgroup/memory/memory.limit_in_bytes": limit,
        "sys/fs/cgroup/memory/memory.usage_in_bytes": GIB,
        "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 0\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": quota,
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": 100_000,
    }


def test_a_machine_without_limits_leaves_its_free_memory(tmp_path):
    limit = find_available_memory(write(tmp_path, HOST))
    assert (limit.value, limit.source) == (60 * GIB, "the machine's free memory")


def test_a_pod_of_four_gigabytes_on_a_large_host_has_what_is_left_of_four(tmp_path):
    limit = find_available_memory(write(tmp_path, pod()))
    assert (limit.value, limit.source) == (3 * GIB, "the control group /sys/fs/cgroup")


def test_files_that_are_only_cached_can_be_used(tmp_path):
    assert (
        find_available_memory(write(tmp_path, pod(used=4 * GIB, cached=2 * GIB))).value == 2 * GIB
    )


def test_every_level_up_to_the_top_counts(tmp_path):
    write(tmp_path, pod(group="/slice/pod", limit=8 * GIB, cpu="max 100000"))
    write(tmp_path, {"sys/fs/cgroup/slice/memory.max": 2 * GIB})
    limit = find_available_memory(tmp_path)
    assert (limit.value, limit.source) == (2 * GIB, "the control group /sys/fs/cgroup/slice")


def test_no_limit_is_none(tmp_path):
    write(tmp_path, pod(limit="max", cpu="max 100000"))
    assert find_available_memory(tmp_path).value == 60 * GIB
    assert [limit.source for limit in list_cores(tmp_path)][-1] == "the affinity mask"


@pytest.mark.parametrize("top", ["/", "/docker/abc"])
def test_version_1_with_its_mount_at_the_top_or_at_the_container(tmp_path, top):
    write(tmp_path, docker(top=top))
    assert find_available_memory(tmp_path).value == 3 * GIB
    cores = {limit.source: limit.value for limit in list_cores(tmp_path)}
    assert cores["the control group /sys/fs/cgroup/cpu,cpuacct"] == 2  # one and a half, up


def test_version_1_without_limits(tmp_path):
    write(tmp_path, docker(limit=NO_LIMIT, quota=-1))
    assert find_available_memory(tmp_path).value == 60 * GIB
    assert find_available_cores(tmp_path).value == count_visible_cores()


@pytest.mark.parametrize(("cpu", "cores"), [("100000 100000", 1), ("50000 100000", 1)])
def test_cores_are_those_of_the_quota(tmp_path, cpu, cores):
    assert find_available_cores(write(tmp_path, pod(cpu=cpu))).value == cores


def test_damaged_files_limit_nothing(tmp_path):
    write(tmp_path, pod(limit="much", cpu="some"))
    write(tmp_path, {"proc/self/mountinfo": "nonsense\n" + MOUNT_2.format(top="/")})
    assert find_available_memory(tmp_path).value == 60 * GIB


def test_the_limits_of_the_process_count():
    script = (
        "from inputgrad_cli.machine import memory_and_core_limits as limits; "
        "m = limits.find_available_memory(); "
        "print(m.value, m)"
    )
    held = 3 * GIB
    child = subprocess.run(
        [sys.executable, "-c", script],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (held, held)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0 < int(child.stdout.split()[0]) < held
    assert "RLIMIT_AS" in child.stdout


def test_this_machine_has_memory_and_cores():
    assert min(limit.value for limit in list_memory()) > 1 << 26
    assert 1 <= find_available_cores().value <= (os.cpu_count() or 1)
