"""A cluster that starts workers when there is work, as those of SLURM and Kubernetes may do."""

import sys

from tests.faults.conftest import draw_many

from .clusters import WORDS, finish, wait_until

# It has no worker until a task waits, and no more than two.
SCRIPT = """
import sys, time
from distributed import LocalCluster

if __name__ == "__main__":
    cluster = LocalCluster(
        n_workers=0, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    cluster.adapt(maximum=2)
    with open(sys.argv[1], "w") as file:
        file.write(cluster.scheduler_address)
    time.sleep(600)
"""


def start_adaptive(cluster):
    """Start a cluster without a worker, and return the address of its scheduler."""
    script, file = cluster.home / "adaptive.py", cluster.home / "address"
    script.write_text(SCRIPT)
    cluster.start_process([sys.executable, str(script), str(file)])
    wait_until(lambda: file.exists() and file.read_text())
    return file.read_text()


def test_a_cluster_without_workers_starts_them_for_the_call(empty_cluster, tmp_path):
    whole = empty_cluster.expect(draw_many(tmp_path / "in", 40))
    address = start_adaptive(empty_cluster)
    process = empty_cluster.start_call(*WORDS, "--scheduler", address, named=False)
    whole.check_end(finish(process, 60))
    whole.check_once()
