"""Signals to either of the two processes, and to both: heard once, passed on, and none outlives."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inputgrad_cli.supervision.signal_forwarding import GRACE_SECONDS
from tests.cli import strict
from tests.faults.conftest import draw_many
from tests.faults.invariants import lines

from .process_pairs import GONE, state_of, wait_for, worker_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
WORDS = ("saliency", "m.keras", "in", "--json", "--zoom", "1", "--batch-size", "2")
COUNT = 12


@pytest.fixture
def names(folder):
    return draw_many(folder / "in", COUNT)


@pytest.fixture
def slow(start, folder):
    """Start a run in a group of its own; return it, once some of it is done, and its worker."""

    def slow(*more, seconds=0.2):
        process = start(*WORDS, "-o", "out", *more, seconds=seconds, process_group=0)
        worker = worker_of(process)
        if seconds < 1:
            wait_for(lambda: len(lines(folder / "out")) >= 2)
        else:
            wait_for((folder / "out/.lock").exists)
            time.sleep(0.3)
        return process, worker

    return slow


def wait_for_end(process):
    out, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    return [strict(line) for line in out.splitlines()], err


@pytest.mark.parametrize(
    "name",
    [
        "SIGTERM",
        pytest.param("SIGINT", marks=pytest.mark.slow),
        pytest.param("SIGHUP", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("whom", ["parent", "worker", "group"])
def test_a_first_signal_lets_the_batch_end_whoever_gets_it(slow, tool, whole, name, whom):
    process, worker = slow()
    signum = getattr(signal, name)
    {
        "parent": lambda: os.kill(process.pid, signum),
        "worker": lambda: os.kill(worker, signum),
        "group": lambda: os.killpg(process.pid, signum),
    }[whom]()
    events, err = wait_for_end(process)
    assert process.returncode == -signum
    assert events[-1]["type"] == "summary"
    assert 2 <= events[-1]["ok"] < COUNT
    assert err.count("stopping after this batch") == 1
    assert err.count("the same call again does the rest") == 1
    whole.check()
    whole.check_end(tool(*WORDS, "-o", "out"))
    whole.check_once()


@pytest.mark.parametrize("whom", ["parent", "worker", "group"])
def test_a_second_signal_ends_it_at_once_whoever_gets_it(slow, names, whom):
    process, worker = slow(seconds=60)
    send = {
        "parent": lambda: os.kill(process.pid, signal.SIGINT),
        "worker": lambda: os.kill(worker, signal.SIGINT),
        "group": lambda: os.killpg(process.pid, signal.SIGINT),
    }[whom]
    send()
    time.sleep(0.5)
    assert process.poll() is None, "a signal to both was heard as two"
    began = time.monotonic()
    send()
    wait_for_end(process)
    assert process.returncode == -signal.SIGINT
    assert time.monotonic() - began < GRACE_SECONDS
    assert state_of(worker) in GONE


def test_a_worker_that_hears_nothing_ends_after_the_grace(slow, names):
    process, worker = slow(seconds=60)
    os.kill(worker, signal.SIGSTOP)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert time.monotonic() - began > GRACE_SECONDS
    assert state_of(worker) in GONE


def test_a_parent_that_is_killed_takes_its_worker_and_its_lock_along(slow, tool, whole):
    process, worker = slow(seconds=60)
    process.kill()
    process.wait()
    assert tool(*WORDS, "-o", "out").code == 0
    assert state_of(worker) in GONE


def test_a_parent_that_is_stopped_stops_its_worker_and_wakes_it(slow, names):
    process, worker = slow()
    for signum in (signal.SIGTSTP, signal.SIGSTOP):
        process.send_signal(signum)
        wait_for(lambda: state_of(worker) == "T")
        process.send_signal(signal.SIGCONT)
        wait_for(lambda: state_of(worker) != "T")
    events, _ = wait_for_end(process)
    assert process.returncode == 0
    assert events[-1]["ok"] == COUNT


def test_the_kernel_itself_stops_the_parent(slow, names):
    """A handler that stops the process later would lose a SIGCONT that arrives before."""
    process, _ = slow()
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    stops = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
    assert [stop.name for stop in stops if caught >> (stop - 1) & 1] == []
    assert caught >> (signal.SIGINT - 1) & 1
    events, _ = wait_for_end(process)
    assert events[-1]["ok"] == COUNT


def test_a_worker_that_is_killed_is_a_crash_and_the_run_goes_on(slow, whole, tool):
    process, worker = slow()
    os.kill(worker, signal.SIGKILL)
    events, _ = wait_for_end(process)
    assert process.returncode == 0
    assert [event["type"] for event in events].count("start") == 1
    names = [event["input"] for event in events if event["type"] == "item"]
    assert sorted(names) == sorted(whole.inputs)
    whole.check_end(tool(*WORDS, "-o", "out"))
    whole.check_once()


@pytest.mark.slow
def test_thirty_kills_of_either_process_at_random_moments(start, tool, whole, folder):
    rng, codes = random.Random(3), []
    for _ in range(30):
        process = start(*WORDS, "-o", "out", seconds=0.3)  # longer than the latest kill
        worker = worker_of(process)
        time.sleep(rng.uniform(0.0, 1.5))
        victim = rng.choice([process.pid, worker])
        if state_of(victim) not in GONE:
            os.kill(victim, signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in out + err
        codes.append(process.returncode)
        wait_for(lambda worker=worker: state_of(worker) in GONE)
        whole.check()
        if len(lines(folder / "out")) > COUNT // 2:  # the next call has work for the longest wait
            whole.check_end(tool(*WORDS, "-o", "out"))
            shutil.rmtree(folder / "out")
    assert codes.count(-signal.SIGKILL) >= 5
    assert set(codes) <= {0, 3, 70, -signal.SIGKILL}


CUT = """
import os, signal, sys
from inputgrad_cli.supervision.worker_state_reporting import WORKER
from tests.faults.server import prepare, Settings, command

true, cut = os.write, iter([int(sys.argv.pop(1))])

def write(number, data):
    first = WORKER.page and not WORKER.earlier.worker_count
    if first and number == 1 and b'"ok"' in bytes(data) and (size := next(cut, 0)):
        true(number, data[:size])
        os.kill(os.getpid(), signal.SIGKILL)
    return true(number, data)

prepare(Settings())
os.write = write
command(sys.argv[1:])
"""


@pytest.mark.parametrize("size", [1, 40, 10**6])
def test_a_line_that_a_death_cuts_short_is_made_whole(folder, names, size):
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with open(folder / "told", "wb") as file:
        line = [sys.executable, "-c", CUT, str(size), *WORDS, "-o", "out"]
        done = subprocess.run(line, cwd=folder, env=env, stdout=file, check=False, timeout=60)
    events = [strict(line) for line in (folder / "told").read_text().splitlines()]
    lines = [event["input"] for event in events if event["type"] == "item"]
    assert sorted(lines) == sorted(names)
    assert events[-1]["ok"] == len(names)
    assert done.returncode == 0
