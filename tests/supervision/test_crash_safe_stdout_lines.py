"""Which events count as reported when a worker dies: those of which something was written."""

import os

import pytest

from inputgrad_cli.supervision import crash_safe_stdout_lines
from inputgrad_cli.supervision.crash_safe_stdout_lines import finish_line
from inputgrad_cli.supervision.shared_memory_page import Page
from inputgrad_cli.supervision.worker_state_reporting import WORKER

FIRST, SECOND = b"the first event\n", b"the second event\n"


@pytest.fixture
def page(monkeypatch):
    """Return the page of a worker, this process, that has reported one event."""
    page = Page()
    monkeypatch.setattr(WORKER, "page", page)
    return page


@pytest.fixture
def pipe(monkeypatch):
    """Return the end to read from of a pipe that takes the place of stdout."""
    read, write = os.pipe()
    monkeypatch.setattr(crash_safe_stdout_lines, "STDOUT", write)
    yield read
    os.close(read)
    os.close(write)


def report_first(page):
    page.begin_event()
    crash_safe_stdout_lines.write_line(FIRST)
    page.end_event()


def test_an_event_without_a_written_line_is_reported_by_the_next_worker(page, pipe):
    report_first(page)
    page.begin_event()  # the worker dies here, before it writes
    finish_line(page)
    assert page.reported == 1
    assert os.read(pipe, 100) == FIRST


def test_an_event_whose_line_was_written_counts(page, pipe):
    report_first(page)
    page.begin_event()
    crash_safe_stdout_lines.write_line(SECOND)  # the worker dies here, before it counts the event
    finish_line(page)
    assert page.reported == 2
    assert os.read(pipe, 100) == FIRST + SECOND


def test_an_event_whose_line_was_begun_is_finished_and_counts(page, pipe):
    report_first(page)
    page.begin_event()
    page.begin_line(SECOND, -1)
    os.write(crash_safe_stdout_lines.STDOUT, SECOND[:5])
    page.line_sent = 5  # the worker dies here
    finish_line(page)
    assert page.reported == 2
    assert os.read(pipe, 100) == FIRST + SECOND


def test_an_event_whose_line_was_stored_only_is_not_finished(page, pipe):
    report_first(page)
    page.begin_event()
    page.begin_line(SECOND, -1)  # the worker dies here
    finish_line(page)
    assert page.reported == 1
    assert os.read(pipe, 100) == FIRST
