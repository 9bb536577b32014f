"""SIGKILL at random moments, again and again; then the run is whole, and no work is done twice."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.cli import draw as paint

from .conftest import draw_many
from .invariants import Whole, lines, results

WORDS = ("saliency", "m.keras", "in", "--json", "--zoom", "1", "--batch-size", "4")
KILLS, ITEMS = 60, 2000


def kill_again_and_again(tool, whole, times, longest, rng):
    """Start the run so many times, each to be killed; return how many were."""
    killed = 0
    for attempt in range(times):
        journal = str(whole.out / "journal.jsonl") if attempt % 6 else ""
        settings = {"kill": rng.uniform(0.001, longest), "growing": journal}
        result = tool(*WORDS, "-o", "out", **settings)
        whole.check(result)
        killed += result.code == -signal.SIGKILL
    return killed


def test_a_few_kills_lose_nothing(tool, folder):
    """Cases 1, 3, 50: a short form of the long loop."""
    names = draw_many(folder / "in", 60, folders=3)
    assert tool(*WORDS, "-o", "clean").code == 0
    whole = Whole.of(folder, folder / "out", folder / "clean", names)
    assert kill_again_and_again(tool, whole, 6, 0.02, random.Random(1)) >= 3
    whole.check_end(tool(*WORDS, "-o", "out"))
    whole.check_once()


@pytest.mark.slow
def test_sixty_kills_over_two_thousand_items_lose_nothing(tool, folder):
    """Cases 1, 2, 3, 50: every output right, one journal line a map, nothing left over."""
    names = draw_many(folder / "in", ITEMS, folders=7)
    began = time.monotonic()
    assert tool(*WORDS, "-o", "clean").code == 0
    clean = time.monotonic() - began
    whole = Whole.of(folder, folder / "out", folder / "clean", names)
    rng = random.Random(0)
    killed = kill_again_and_again(tool, whole, KILLS, clean / KILLS, rng)
    assert killed >= 50
    assert 0 < len(lines(whole.out)) < ITEMS
    whole.check_end(tool(*WORDS, "-o", "out"))
    whole.check_once()
    assert len(lines(whole.out)) == ITEMS


@pytest.mark.slow
@pytest.mark.parametrize("attempt", [200, 700])
def test_a_real_run_that_is_killed_and_resumed_has_the_bytes_of_a_clean_one(
    samples, tmp_path, attempt
):
    """Cases 1, 50: TensorFlow, the sample model, default options; only records may differ."""
    names = {f"{seed:03}.png" for seed in range(attempt)}
    for name in names:
        paint(tmp_path / "in" / name, seed=int(name[:3]))
    line = [sys.executable, "-m", "inputgrad_cli", "saliency", samples / "shapes.keras", "in"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": tmp_path}
    out, clean = tmp_path / "out", tmp_path / "clean"
    subprocess.run([*line, "-o", "clean"], check=True, **streams)
    print(json.loads((clean / "run.json").read_text())["mode"])
    reached = [0]
    while reached[-1] < attempt // 2:
        process = subprocess.Popen([*line, "-o", "out"], **streams)
        while process.poll() is None and len(lines(out)) <= reached[-1]:
            time.sleep(0.005)
        process.kill()
        process.communicate()
        reached.append(len(lines(out)))
    assert attempt // 2 <= reached[-1] < attempt
    subprocess.run([*line, "-o", "out"], check=True, **streams)
    assert {line["input"] for line in lines(out)} == names
    assert results(out) == results(clean)


def test_a_holder_that_was_killed_frees_its_lock(tool, start, folder):
    """Case 33: the lock goes with its process."""
    draw_many(folder / "in", 20)
    process = start(*WORDS, seconds=0.3)
    journal = folder / "inputgrad-out/journal.jsonl"
    while not journal.exists():
        assert process.poll() is None
        time.sleep(0.01)
    assert tool(*WORDS).code == 75
    process.kill()
    process.wait()
    assert tool(*WORDS).code == 0
