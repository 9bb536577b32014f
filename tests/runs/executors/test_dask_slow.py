"""Runs on a cluster that take longer to show: random kills, stopped workers, TLS, many files."""

import os
import random
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.faults.conftest import draw_many
from tests.faults.invariants import lines
from tests.processes import started

from .clusters import (
    WORDS,
    Cluster,
    find_children,
    finish,
    kill,
    wait_for_lines,
    wait_until,
    watch_peak,
)

pytestmark = pytest.mark.slow
KILLS, ITEMS, CHUNK = 30, 2000, 16


def test_a_worker_that_is_killed_under_a_nanny_comes_back(empty_cluster, tmp_path):
    """T2; fault case 26: the nanny starts another one, and nothing is lost."""
    whole = empty_cluster.expect(draw_many(tmp_path / "in", 60))
    empty_cluster.configure(seconds=0.1)
    empty_cluster.start_scheduler()
    empty_cluster.start_worker(nanny=True)
    process = empty_cluster.start_call()
    wait_for_lines(process, whole.out, 8)
    (pid,) = find_workers(empty_cluster.workers[0].pid)
    os.kill(pid, signal.SIGKILL)
    whole.check_end(finish(process))
    whole.check_once()
    assert empty_cluster.count_repeats() <= 8


def find_workers(pid):
    """Return the workers that a nanny has started."""
    lines_by_child = {
        child: Path(f"/proc/{child}/cmdline").read_bytes() for child in find_children(pid)
    }
    return [child for child, line in lines_by_child.items() if b"spawn_main" in line]


def test_a_worker_that_is_stopped_does_no_harm_when_it_goes_on(tmp_path):
    """T9: its chunk moves, and what it writes later are the same bytes."""
    ttl = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "3s"}
    with started() as popen:
        cluster = Cluster(tmp_path, popen, **ttl)
        cluster.start_scheduler()
        cluster.start_worker()
        cluster.start_worker()
        cluster.wait_for_workers(2)
        whole = cluster.expect(draw_many(tmp_path / "in", 60))
        cluster.configure(seconds=0.2)
        process = cluster.start_call()
        wait_for_lines(process, whole.out, 8)
        cluster.workers[0].send_signal(signal.SIGSTOP)
        time.sleep(4)
        cluster.workers[0].send_signal(signal.SIGCONT)
        done = finish(process)
        assert done.code == 0, done.err
        whole.check(done)
        whole.check_once()
        assert {line["input"] for line in lines(whole.out)} == whole.inputs


def test_a_worker_that_sees_another_disk_is_refused(empty_cluster, tmp_path):
    """T10: an output directory of the same name that is not the same one."""
    draw_many(tmp_path / "in", 8)
    (tmp_path / "out").mkdir()
    mount = f'mount -t tmpfs none {tmp_path / "out"} && exec "$@"'
    before = ["unshare", "--mount", "sh", "-c", mount, "sh"]
    if subprocess.run([*before, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no namespace of mounts can be made here")
    empty_cluster.start_scheduler()
    empty_cluster.start_worker(before=before)
    done = empty_cluster.call()
    assert done.code == 2, done.err
    assert "output directory" in done.err
    assert not lines(tmp_path / "out")


def test_a_cluster_with_certificates_needs_no_option(tmp_path):
    """T14: Dask's own configuration has them."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-days", "2", "-nodes", "-newkey", "rsa:2048"]
    command = ["openssl", "req", "-x509", *subject, "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    comm = "DASK_DISTRIBUTED__COMM__"
    env = {f"{comm}TLS__CA_FILE": str(cert), f"{comm}REQUIRE_ENCRYPTION": "True"}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        env |= {f"{comm}TLS__{role}__CERT": str(cert), f"{comm}TLS__{role}__KEY": str(key)}
    with started() as popen:
        cluster = Cluster(tmp_path, popen, **env)
        cluster.start_scheduler("--protocol", "tls")
        cluster.start_worker("--protocol", "tls")
        whole = cluster.expect(draw_many(tmp_path / "in", 20))
        done = cluster.call(*WORDS, "-v")
        whole.check_end(done)
        assert "tls://" in done.err
        bare = {name: value for name, value in cluster.env.items() if comm not in name}
        cluster.env = bare
        refused = cluster.call(out="other")
        assert refused.code == 2, refused.err
        assert "certificates" in refused.err


def test_kills_of_workers_and_drivers_at_random_lose_nothing(tmp_path):
    """Every output right, one journal line a map, and no more work than was under way."""
    rng = random.Random(0)
    with started() as popen:
        cluster = Cluster(tmp_path, popen)
        whole = cluster.expect(draw_many(tmp_path / "in", ITEMS, folders=7))
        cluster.configure(seconds=0.02, chunk=CHUNK)
        cluster.start_scheduler()
        alive = [cluster.start_worker(), cluster.start_worker()]
        # Nobody reads the stream meanwhile, and a full pipe would stop the driver.
        start = partial(cluster.start_call, stdout=subprocess.DEVNULL)
        process, kills, drivers = start(), 0, 0
        while kills < KILLS:
            wait_for_more(process, whole.out, 8)
            time.sleep(rng.uniform(0, 0.3))
            if process.poll() is not None:
                break
            if rng.random() < 0.3:
                kill(process)
                whole.check()
                process, drivers = start(), drivers + 1
            else:
                kill(alive.pop(rng.randrange(2)))
                alive.append(cluster.start_worker())
            kills += 1
        whole.check_end(finish(process, 300))
        whole.check_once()
        print(f"{kills} kills, {drivers} of them of drivers, {cluster.count_repeats()} repeats")
        assert kills >= KILLS
        # At most the chunk of each worker for a driver, and one chunk for a worker.
        assert cluster.count_repeats() <= CHUNK * (kills + drivers)


def wait_for_more(process, out, count):
    """Wait until a call has added so many lines, or has ended."""
    wanted = len(lines(out)) + count
    wait_until(lambda: len(lines(out)) >= wanted or process.poll() is not None, 60)


def test_fifty_thousand_tiny_files_take_no_more_memory_than_a_few(empty_cluster, tmp_path):
    """T15: the driver holds names, and neither journal lines nor results."""
    empty_cluster.start_scheduler()
    empty_cluster.start_worker()
    empty_cluster.start_worker()
    peaks = {}
    for count in (500, 50_000):
        folder = tmp_path / f"in{count}"
        folder.mkdir()
        for index in range(count):
            np.save(folder / f"{index:05}.npy", np.full((8, 8, 3), index % 200, np.float32))
        words = ("saliency", "m.keras", folder, "--picture", "none", "-q")
        began = time.monotonic()
        process = empty_cluster.start_call(*words, out=f"out{count}", stdout=subprocess.DEVNULL)
        peaks[count] = watch_peak(process)
        finish(process)
        print(
            f"{count} files: {count / (time.monotonic() - began):.0f} a second, {peaks[count]} kB"
        )
        assert process.returncode == 0
        assert len(lines(tmp_path / f"out{count}")) == count
    # Of 40 MB that items and journal lines would take; 10 MB were measured.
    assert peaks[50_000] - peaks[500] < 20_000
