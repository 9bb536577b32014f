"""A worker that holds more memory than it may is ended by the process that watches it."""

import signal
import subprocess
import sys

import pytest

from inputgrad_cli.errors import ModelError
from inputgrad_cli.supervision.memory_guard import SLACK, Overflow, resident_of
from inputgrad_cli.supervision.shared_page import Page, Stage

WORKER = "data = bytearray(b'x') * (64 << 20); print(len(data), flush=True); input()"


@pytest.fixture
def worker():
    """Return a process that holds 64 MB until it is ended."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", WORKER], **pipes)
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr("inputgrad_cli.supervision.memory_guard.SLACK", 0)
    found = Page()
    found.limit = 32 << 20
    return found


def test_what_a_process_holds_is_seen(worker):
    assert 64 << 20 < resident_of(worker.pid) < 128 << 20
    assert resident_of(1 << 30) == 0


def test_a_model_that_holds_too_much_while_it_opens_ends_the_call(worker, page):
    page.enter(Stage.OPENING, "m.keras")
    error = Overflow().fault(worker.pid, page)
    assert isinstance(error, ModelError)
    assert error.kind == "memory"
    assert "--max-memory" in error.sentence()
    assert "33,554,432 bytes" in error.sentence()
    assert worker.poll() is None


def test_while_items_are_computed_the_worker_dies_of_it_alone(worker, page):
    page.enter(Stage.COMPUTING, "m.keras")
    assert Overflow().fault(worker.pid, page) is None
    assert worker.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("limit", [0, 1 << 40])
def test_one_that_keeps_to_its_limit_goes_on(worker, page, limit):
    page.limit = limit
    page.enter(Stage.COMPUTING, "m.keras")
    assert Overflow().fault(worker.pid, page) is None
    assert worker.poll() is None
    assert SLACK < 300 << 20
