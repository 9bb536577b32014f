"""A worker that holds more memory than it may is ended by the process that watches it."""

import signal
import subprocess
import sys

import pytest

from inputgrad_cli.errors import ModelError
from inputgrad_cli.supervision.memory_guard import SLACK_BYTES, MemoryGuard, read_resident_bytes
from inputgrad_cli.supervision.shared_memory_page import Page, Stage

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
    monkeypatch.setattr("inputgrad_cli.supervision.memory_guard.SLACK_BYTES", 0)
    page = Page()
    page.limit = 32 << 20
    return page


def test_what_a_process_holds_is_seen(worker):
    assert 64 << 20 < read_resident_bytes(worker.pid) < 128 << 20
    assert read_resident_bytes(1 << 30) == 0


def test_a_model_that_holds_too_much_while_it_opens_ends_the_call(worker, page):
    page.enter_stage(Stage.OPENING, "m.keras")
    error = MemoryGuard().find_fault(worker.pid, page)
    assert isinstance(error, ModelError)
    assert error.kind == "memory"
    assert "--max-memory" in error.format_line()
    assert "33,554,432 bytes" in error.format_line()
    assert worker.poll() is None


def test_while_items_are_computed_the_worker_dies_of_it_alone(worker, page):
    page.enter_stage(Stage.COMPUTING, "m.keras")
    assert MemoryGuard().find_fault(worker.pid, page) is None
    assert worker.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("limit", [0, 1 << 40])
def test_one_that_keeps_to_its_limit_goes_on(worker, page, limit):
    page.limit = limit
    page.enter_stage(Stage.COMPUTING, "m.keras")
    assert MemoryGuard().find_fault(worker.pid, page) is None
    assert worker.poll() is None
    assert SLACK_BYTES < 300 << 20
