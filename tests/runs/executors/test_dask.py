"""A run on a Dask cluster of real processes comes to what a run in this process comes to.

The closed form computes, in processes beside the workers; `test_dask_tensorflow.py` has TensorFlow.
"""

import json
import signal

import numpy as np
import pytest
from PIL import Image

from tests.cli import items
from tests.faults.conftest import draw_many
from tests.faults.engine import POISON
from tests.faults.invariants import lines, results

from .clusters import WORDS, finish, kill, wait_for_lines, wait_until

FOLDERS = 3


@pytest.fixture
def names(tmp_path):
    """Draw pictures in some folders, and return their names."""
    return draw_many(tmp_path / "in", 60, FOLDERS)


def poison(path):
    """Let a picture kill every process that computes it."""
    pixels = np.asarray(Image.open(path)).copy()
    pixels[0, 0, 0] = POISON
    Image.fromarray(pixels).save(path)


def list_untimed_items(result):
    """Return the items of a stream, in the order of their names."""
    own = [{**item, "seconds": 0, "arrays": "", "picture": ""} for item in items(result)]
    return sorted(own, key=lambda item: item["input"])


def test_a_cluster_gives_the_bytes_and_the_stream_of_a_local_run(lasting_cluster, names):
    whole = lasting_cluster.expect(names)
    done = lasting_cluster.call()
    whole.check_end(done)
    whole.check_once()
    assert list_untimed_items(done) == list_untimed_items(lasting_cluster.local)
    # A model for each worker, and each map once.
    assert len(lasting_cluster.count("load")) == 2
    assert lasting_cluster.count_repeats() == 0
    assert not list(whole.out.glob(".cluster*"))
    again = lasting_cluster.call()
    assert (again.code, {item["status"] for item in items(again)}) == (0, {"skipped"})


def test_pictures_that_kill_their_process_fail_alone(lasting_cluster, names, tmp_path):
    """T5; fault case 27: the workers live on, and all other pictures are done."""
    whole = lasting_cluster.expect(names)
    bad_names = [names[5], names[6], names[41]]
    for name in bad_names:
        poison(tmp_path / "in" / name)
    lasting_cluster.configure(crash=signal.SIGKILL)
    done = lasting_cluster.call()
    assert done.code == 3, done.err
    failed = {item["input"]: item["error"] for item in items(done) if item["status"] == "failed"}
    assert set(failed) == set(bad_names)
    assert {error["kind"] for error in failed.values()} == {"crashed"}
    assert "SIGKILL" in failed[bad_names[0]]["message"]
    assert "Traceback" not in done.err
    bad = {name for name in whole.clean if any(name.startswith(each) for each in bad_names)}
    assert results(whole.out) == {n: mark for n, mark in whole.clean.items() if n not in bad}


def test_a_driver_that_is_killed_loses_what_is_under_way_and_no_more(lasting_cluster, names):
    """T6; fault case 28: the same call does the rest, and no map has two lines."""
    whole = lasting_cluster.expect(names)
    lasting_cluster.configure(seconds=0.05)
    process = lasting_cluster.start_call()
    wait_for_lines(process, whole.out, 8)
    kill(process)
    whole.check()
    before = len(lines(whole.out))
    assert 0 < before < len(names)
    whole.check_end(lasting_cluster.call())
    whole.check_once()
    # Those in flight were at most the chunks that two workers had, of eight pictures each.
    assert lasting_cluster.count_repeats() <= 2 * 8 + 8


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_and_leaves_the_cluster(lasting_cluster, names, signal_number):
    whole = lasting_cluster.expect(names)
    lasting_cluster.configure(seconds=0.1)
    process = lasting_cluster.start_call()
    wait_for_lines(process, whole.out, 4)
    process.send_signal(signal_number)
    stopped = finish(process, 10)
    assert stopped.code == -signal_number
    *_, summary = map(json.loads, stopped.out.splitlines())
    assert (summary["type"], summary["exit"]) == ("summary", 0)
    assert summary["ok"] == len(lines(whole.out)) < len(names)
    assert "Traceback" not in stopped.err
    whole.check()
    lasting_cluster.configure()
    whole.check_end(lasting_cluster.call())
    whole.check_once()


def test_the_environment_names_a_scheduler(lasting_cluster, names):
    address = json.loads(lasting_cluster.file.read_text())["address"]
    lasting_cluster.env["DASK_SCHEDULER_ADDRESS"] = address
    done = lasting_cluster.call(*WORDS, "-v", named=False)
    del lasting_cluster.env["DASK_SCHEDULER_ADDRESS"]
    assert done.code == 0
    assert f"2 workers at {address}" in done.err


def test_a_full_disk_of_a_worker_ends_the_run_with_74(lasting_cluster, names):
    """T13: no file is taken for done that could not be written."""
    whole = lasting_cluster.expect(names)
    lasting_cluster.configure(largest=1000)
    done = lasting_cluster.call()
    assert done.code == 74, done.err
    whole.check(done)
    lasting_cluster.configure()
    whole.check_end(lasting_cluster.call())


def test_a_model_that_kills_its_process_is_4(lasting_cluster, names):
    lasting_cluster.configure(opening=signal.SIGSEGV)
    done = lasting_cluster.call()
    assert done.code == 4
    assert "SIGSEGV" in done.err
    assert not lines(lasting_cluster.folder / "out")


def test_too_many_failures_end_the_run(lasting_cluster, tmp_path):
    names = draw_many(tmp_path / "in", 60)
    for name in names[:20]:
        (tmp_path / "in" / name).write_bytes(b"no picture")
    done = lasting_cluster.call(*WORDS, "--max-failures", "3")
    assert done.code == 3
    assert len(lines(tmp_path / "out")) < len(names)


def test_a_worker_that_joins_late_gets_work(cluster, tmp_path):
    """T8."""
    whole = cluster.expect(draw_many(tmp_path / "in", 80))
    cluster.configure(seconds=0.2)
    process = cluster.start_call()
    wait_for_lines(process, whole.out, 1)
    cluster.start_worker()
    whole.check_end(finish(process))
    assert len(cluster.count("load")) == 3


def test_a_worker_that_is_killed_loses_one_chunk(cluster, tmp_path):
    """T3; fault case 26: the other one does the rest."""
    whole = cluster.expect(draw_many(tmp_path / "in", 60))
    cluster.configure(seconds=0.1)
    process = cluster.start_call()
    wait_for_lines(process, whole.out, 12)
    kill(cluster.workers[0])
    whole.check_end(finish(process))
    whole.check_once()
    assert cluster.count_repeats() <= 8


def test_a_run_outlives_all_of_its_workers(cluster, tmp_path):
    """T4."""
    whole = cluster.expect(draw_many(tmp_path / "in", 60))
    cluster.configure(seconds=0.1)
    process = cluster.start_call()
    wait_for_lines(process, whole.out, 8)
    for worker in cluster.workers:
        kill(worker)
    before = len(lines(whole.out))
    cluster.start_worker()
    whole.check_end(finish(process))
    whole.check_once()
    assert before < 60


def test_a_scheduler_that_is_lost_is_75_at_once_and_the_same_call_does_the_rest(cluster, tmp_path):
    """T7."""
    whole = cluster.expect(draw_many(tmp_path / "in", 60))
    cluster.configure(seconds=0.1)
    process = cluster.start_call()
    wait_for_lines(process, whole.out, 8)
    kill(cluster.scheduler)
    lost = finish(process, 5)
    assert lost.code == 75
    assert "does not answer" in lost.err
    whole.check(lost)
    for worker in cluster.workers:
        kill(worker)
    cluster.configure()
    cluster.start_scheduler()
    cluster.start_worker()
    whole.check_end(cluster.call())
    whole.check_once()


def test_a_worker_with_other_versions_is_refused_in_a_table(empty_cluster, names):
    """T11: nothing is computed."""
    empty_cluster.configure(missing=["NumPy"])
    empty_cluster.start_scheduler()
    empty_cluster.start_worker()
    done = empty_cluster.call()
    assert done.code == 2
    assert "NumPy" in done.err
    assert "needed" in done.err
    assert "missing" in done.err
    assert "Traceback" not in done.err
    assert not lines(empty_cluster.folder / "out")


def test_a_worker_without_free_disk_is_74(empty_cluster, names):
    empty_cluster.configure(free=1 << 60)
    empty_cluster.start_scheduler()
    empty_cluster.start_worker()
    done = empty_cluster.call()
    assert done.code == 74, done.err
    assert "free disk" in done.err


def test_a_scheduler_without_workers_is_75_after_a_while(empty_cluster, names):
    empty_cluster.configure(wait=0.5)
    empty_cluster.start_scheduler()
    wait_until(empty_cluster.file.exists)
    done = empty_cluster.call()
    assert done.code == 75, done.err
    assert "worker" in done.err
