"""`--engine dask` alone starts workers on this machine, and none of them outlives the call."""

import os
import signal

import pytest

from inputgrad_cli.machine.memory_and_core_limits import find_available_cores
from tests.faults.conftest import draw_many

from .clusters import WORDS, finish, kill, list_processes, wait_for_lines, wait_until


@pytest.fixture
def names(tmp_path):
    """Draw pictures, and return their names."""
    return draw_many(tmp_path / "in", 60, folders=3)


def list_own(cluster):
    """Return the processes of a test's calls, by the folder that only they know."""
    return list_processes(str(cluster.folder))


def test_a_cluster_of_all_cores_gives_the_bytes_of_a_local_run(empty_cluster, names):
    whole = empty_cluster.expect(names)
    done = empty_cluster.call(*WORDS, "-v", named=False)
    whole.check_end(done)
    whole.check_once()
    assert f"{find_available_cores().value} workers at tcp://127.0.0.1" in done.err
    assert "distributed" not in done.err
    wait_until(lambda: not list_own(empty_cluster), 5)


def test_a_driver_that_is_killed_leaves_no_process(empty_cluster, names):
    """Fault case 28: they end within two seconds."""
    empty_cluster.configure(seconds=0.1)
    process = empty_cluster.start_call(named=False)
    wait_for_lines(process, empty_cluster.folder / "out", 4)
    assert len(list_own(empty_cluster)) > 2
    kill(process)
    wait_until(lambda: not list_own(empty_cluster), 2)


def test_an_interrupt_from_the_terminal_ends_all_processes_quietly(empty_cluster, names):
    whole = empty_cluster.expect(names)
    empty_cluster.configure(seconds=0.1)
    process = empty_cluster.start_call(named=False, process_group=0)
    wait_for_lines(process, whole.out, 4)
    os.killpg(process.pid, signal.SIGINT)
    stopped = finish(process, 10)
    assert stopped.code == -signal.SIGINT
    assert "Traceback" not in stopped.err
    assert "stopped" in stopped.err
    whole.check()
    wait_until(lambda: not list_own(empty_cluster), 5)
    empty_cluster.configure()
    whole.check_end(empty_cluster.call(named=False))
    whole.check_once()
