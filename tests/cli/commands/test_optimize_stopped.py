"""Searches that are stopped at random moments, and resumed by the same call."""

import random
import shutil
import signal
import sys
import time

import pytest

from tests.cli import files, journal
from tests.processes import started

COUNT, ROUNDS = 12, 3


@pytest.fixture
def start(samples, tmp_path):
    """Return the function that starts the call into a directory, as a process."""
    (tmp_path / "in").mkdir()
    for path in sorted((samples / "inputs/shapes").iterdir())[:COUNT]:
        shutil.copy(path, tmp_path / "in")
    words = ("optimize", samples / "shapes.keras", "in", "--goal", "pgd:eps=1/255;8/255,steps=40")
    words += ("--goal", "deepfool", "--batch-size", "2")
    tool = [sys.executable, "-m", "inputgrad_cli", *map(str, words), "-o"]
    with started() as popen:
        yield lambda out: popen([*tool, out], cwd=tmp_path)


def end(process):
    """Wait for the end of a call; return its exit code."""
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in out + err
    return process.returncode


@pytest.mark.slow
def test_stopped_at_random_moments_and_resumed_equals_clean(start, tmp_path):
    began = time.monotonic()
    assert end(start("clean")) == 0
    seconds = time.monotonic() - began
    names = files(tmp_path / "clean")
    clean = {name: (tmp_path / "clean" / name).read_bytes() for name in names}
    lines = sorted(map(str, journal(tmp_path / "clean")))
    rng, partial_runs = random.Random(5), 0
    for index in range(ROUNDS):
        out = tmp_path / f"out{index}"
        codes = []
        while not codes or codes[-1] != 0:
            process = start(out.name)
            time.sleep(rng.uniform(0.2, 1.1) * seconds)
            process.terminate()
            codes.append(end(process))
            partial_runs += codes[-1] != 0 and out.exists() and 0 < len(files(out)) < len(names)
            if len(codes) == 3:  # enough stops for one run
                codes.append(end(start(out.name)))
        assert set(codes) <= {0, -signal.SIGTERM}
        assert files(out) == names
        assert {name: (out / name).read_bytes() for name in names} == clean
        assert sorted(map(str, journal(out))) == lines
    assert partial_runs >= 1
