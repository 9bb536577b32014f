"""Signals to a run without TensorFlow: it stops, it goes on, it ends at once."""

import random
import signal
import subprocess
import sys
import time

import pytest

from inputgrad_cli.supervision.signal_forwarding import GRACE_SECONDS
from tests.cli import strict
from tests.faults.invariants import Whole, lines
from tests.processes import has_mapped

from .conftest import draw_many

WORDS = ("saliency", "m.keras", "in", "--json", "--picture", "none", "--batch-size", "2")
COUNT = 16


@pytest.fixture
def names(folder):
    """Return the names of the inputs."""
    return draw_many(folder / "in", COUNT)


@pytest.fixture
def slow(start, whole):
    """Start a run that takes two seconds at least, and return it once some of it is done."""

    def slow(before=()):
        process = start(*WORDS, "-o", "out", seconds=0.25, before=before)
        wait_for(lambda: len(lines(whole.out)) >= 2, process)
        return process

    return slow


def wait_for(fact, process, seconds=30):
    """Wait until a fact holds; a process that ends before it is told with its words."""
    until = time.monotonic() + seconds
    while not fact():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_first_signal_ends_it_after_the_batch(slow, tool, whole, name):
    """Cases 21, 22: summary written, ended by that signal, the same call does the rest."""
    process = slow()
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=10)
    assert process.returncode == -getattr(signal, name)
    assert "the same call again does the rest" in err
    assert "Traceback" not in err
    *events, summary = map(strict, out.splitlines())
    assert summary["type"] == "summary"
    names = {event["input"] for event in events if event["type"] == "item"}
    assert names == {line["input"] for line in lines(whole.out)}
    assert 2 <= len(names) == summary["ok"] < COUNT
    whole.check()
    whole.check_end(tool(*WORDS, "-o", "out"))
    whole.check_once()


def test_the_second_signal_ends_it_at_once(start, tool, whole):
    """Case 21: in a batch of a minute."""
    process = start(*WORDS, "-o", "out", seconds=60)
    wait_for(lambda: (whole.out / ".lock").exists(), process)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.4)
    assert process.poll() is None
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT
    assert time.monotonic() - began < GRACE_SECONDS
    assert "Traceback" not in err
    whole.check()
    whole.check_end(tool(*WORDS, "-o", "out"))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signals_at_random_moments(tool, folder, name):
    """Cases 21, 22: none is lost, none leaves a half; in the end all is done once."""
    names = draw_many(folder / "in", 80)
    assert tool(*WORDS, "-o", "clean").code == 0
    whole = Whole.of(folder, folder / "out", folder / "clean", names)
    rng, signum = random.Random(2), int(getattr(signal, name))
    codes = []
    for turn in range(16):
        growing = str(whole.out / "journal.jsonl") if turn % 2 else ""
        stop = {"kill": rng.uniform(0.001, 0.03), "signal": signum, "growing": growing}
        result = tool(*WORDS, "-o", "out", **stop)
        assert "Traceback" not in result.err + result.out
        whole.check(result)
        codes.append(result.code)
    assert codes.count(-signum) >= 5
    assert set(codes) <= {0, -signum}
    whole.check_end(tool(*WORDS, "-o", "out"))
    whole.check_once()


# TensorFlow's own library comes early in the import; optree is Keras's, near its end.
@pytest.mark.parametrize(
    "library", ["libtensorflow", pytest.param("optree", marks=pytest.mark.slow)]
)
def test_a_signal_while_tensorflow_is_imported(samples, tmp_path, library):
    """Case 21: it is heard, without a traceback, and nothing is left but what a run keeps."""
    picture = samples / "inputs/shapes/00-cross.png"
    line = [sys.executable, "-m", "inputgrad_cli", "saliency", samples / "shapes.keras", picture]
    process = subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    out = tmp_path / "inputgrad-out"
    wait_for(lambda: has_mapped(process, library), process)
    assert (out / ".lock").exists()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in err
    assert not list(out.rglob("*.tmp"))


def test_nohup(slow, tool, whole):
    """Case 22: under nohup the end of the terminal is not heard."""
    process = slow(before=("nohup",))
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=30)
    assert process.returncode == 0
    whole.check_end(tool(*WORDS, "-o", "out"))


def test_a_reader_that_leaves(start, tool, whole):
    """Case 24: ended by SIGPIPE, without a word; the journal is true."""
    process = start(*WORDS, "-o", "out", seconds=0.05)
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGPIPE
    assert err == ""
    whole.check()
    whole.check_end(tool(*WORDS, "-o", "out"))


def test_a_pause(slow, whole):
    """Case 25: SIGSTOP, a while, SIGCONT: it goes on as if nothing had been."""
    process = slow()
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    before = len(lines(whole.out))
    time.sleep(1)
    assert len(lines(whole.out)) == before
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    summary = strict(out.splitlines()[-1])
    assert (summary["ok"], summary["exit"]) == (COUNT, 0)
    whole.check()
