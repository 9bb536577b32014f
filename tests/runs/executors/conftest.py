"""Clusters for the tests: one that all tests of a module share, and one that a test may break."""

import pytest

from tests.processes import started
from tests.runs.executors.clusters import Cluster


@pytest.fixture
def empty_cluster(tmp_path):
    """Return a cluster without any process."""
    with started() as popen:
        yield Cluster(tmp_path, popen)


@pytest.fixture
def cluster(empty_cluster):
    """Return a cluster of two workers, which the test may break."""
    empty_cluster.start_scheduler()
    empty_cluster.start_worker()
    empty_cluster.start_worker()
    empty_cluster.wait_for_workers(2)
    return empty_cluster


@pytest.fixture(scope="module")
def shared_processes(tmp_path_factory):
    """Start a cluster of two workers for all tests of a module."""
    with started() as popen:
        running = Cluster(tmp_path_factory.mktemp("cluster"), popen)
        running.start_scheduler()
        running.start_worker()
        running.start_worker()
        running.wait_for_workers(2)
        yield running


@pytest.fixture
def lasting_cluster(shared_processes, tmp_path):
    """Return the cluster that the module shares, and check that it outlives the test."""
    yield shared_processes.move(tmp_path)
    assert all(process.poll() is None for process in shared_processes.workers)
    assert shared_processes.scheduler.poll() is None
