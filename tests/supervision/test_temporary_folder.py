"""A process that dies, or hangs, somewhere else than in a pass: what it was at decides the code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import strict
from tests.faults.conftest import draw_many

WORDS = ("saliency", "m.keras", "in", "--json", "--batch-size", "4", "-o", "out")
SPOILED = """
import importlib, os, signal, sys, time
from tests.faults.server import prepare, Settings, command
from inputgrad_cli.supervision import parent_process, model_opening_time_limits

place, how, name = sys.argv[1:4]
prepare(Settings())
module, _, function = place.rpartition(".")
module = importlib.import_module(module)
true = getattr(module, function)

def spoiled(*words, **options):
    if name in repr(words):
        if how == "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        while how == "hang":
            time.sleep(0)
    return true(*words, **options)

def refused():
    raise BlockingIOError("no more processes")

if how == "alone":
    os.fork = refused
else:
    setattr(module, function, spoiled)
model_opening_time_limits.READING_SECONDS = 0.5
command(sys.argv[4:])
"""


@pytest.fixture
def spoiled(folder):
    """Call the command with a function that dies or hangs where its words hold a name."""

    def spoiled(function, effect, name="", words=WORDS):
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        line = [sys.executable, "-c", SPOILED, f"inputgrad_cli.{function}", effect, name, *words]
        options = {"capture_output": True, "text": True, "timeout": 60, "check": False}
        done = subprocess.run(line, cwd=folder, env=env, **options)
        return done.returncode, [strict(line) for line in done.stdout.splitlines()], done.stderr

    return spoiled


@pytest.fixture
def names(folder):
    return draw_many(folder / "in", 6)


@pytest.mark.parametrize(
    "function", ["runs.item_loading.read_samples", "runs.executors.batch_writer.write"]
)
def test_a_picture_that_cannot_be_read_or_drawn_alive_fails_alone(spoiled, names, function):
    code, events, _ = spoiled(function, "die", names[3])
    items = {event["input"]: event for event in events if event["type"] == "item"}
    bad = [name for name, item in items.items() if item["status"] == "failed"]
    assert (code, bad) == (3, [names[3]])
    assert items[names[3]]["error"]["kind"] == "crashed"
    assert set(items) == set(names)


@pytest.mark.parametrize(
    ("function", "code"),
    [("runs.planning.model_file_checks.open_model", 4), ("runs.planning.run_plan.find_items", 70)],
)
def test_before_the_items_it_is_the_model_or_nobody(spoiled, names, function, code):
    result, events, err = spoiled(function, "die")
    assert result == code
    assert [event["type"] for event in events] == ["error", "summary"]
    assert [event["exit"] for event in events] == [code, code]
    assert err == f"inputgrad: {events[0]['message']}\n"


def test_a_file_that_is_read_for_ever_is_refused(spoiled, names):
    code, events, err = spoiled("runs.planning.model_file_checks.open_model", "hang")
    assert (code, events[0]["kind"]) == (4, "time")
    words = ("inspect", "m.keras", "--json")
    code, events, err = spoiled("describe.model.open_model", "hang", words=words)
    assert (code, events) == (4, [])
    assert err.startswith("inputgrad: m.keras: ")


def test_where_no_process_can_be_made_the_work_is_done_here(spoiled, names):
    code, events, err = spoiled("runs.executors.batch_writer.write", "alone")
    assert (code, err) == (0, "")
    assert events[-1]["ok"] == len(names)
