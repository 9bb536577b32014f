"""Writes to stdout and stderr, and draws a status line on the terminal while work goes on.

Everything that the commands print goes through `write_stdout` and `write_stderr`. The status line
is drawn with carriage returns and spaces alone, so that no terminal needs escape codes.
"""

from __future__ import annotations

import codecs
import contextlib
import functools
import os
import sys
import textwrap
import threading
import unicodedata
from collections.abc import Callable, Iterator
from typing import TextIO

import click

from inputgrad_cli.cli.status_line_text import StatusLine

FIRST_DRAW_SECONDS = 0.3  # before the line is first drawn: a quicker call shows none
REDRAW_SECONDS = 0.25  # between two checks whether the line has changed
DEFAULT_WIDTH = 80  # columns, if the terminal does not report its width
ELLIPSIS = "..."
UNLIMITED_WIDTH = 1 << 20  # columns: wider than any text
MIN_TEXT_WIDTH = 20  # columns: narrower terminals break the lines themselves
CONTINUATION_INDENT = "  "  # before the second and later lines of a wrapped sentence


class StatusScreen:
    """Draws a status line on stderr from a thread.

    It writes to its own copy of descriptor 2, because stderr is redirected while a model opens.
    """

    def __init__(self, status: StatusLine) -> None:
        self.status = status
        self._fd = os.dup(2)
        self._lock = threading.RLock()  # re-entrant: a signal may arrive while a line is written
        self._drawn = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="status")
        self._thread.start()

    def close(self) -> None:
        """Erase the line and stop the thread."""
        self._end.set()
        self._thread.join()
        with self._lock:
            self._erase()
            os.close(self._fd)

    def draw(self) -> None:
        """Redraw the line if it has changed."""
        text = clip_text(self.status.format_text(), self.width - 1)
        with self._lock, contextlib.suppress(OSError):
            if text != self._drawn and not self._end.is_set():
                rest = " " * (count_columns(self._drawn) - count_columns(text))
                self._write(f"\r{text}{rest}")
                self._drawn = text

    @contextlib.contextmanager
    def hide_line(self) -> Iterator[None]:
        """Erase the line for this block's output; the thread then redraws it below."""
        with self._lock:
            self._erase()
            yield

    def write_line(self, text: str) -> None:
        """Write a full line above the status line."""
        with self.hide_line():
            self._write(text + "\n")

    @property
    def width(self) -> int:
        """Return the width of the terminal in columns."""
        return _measure_terminal(self._fd)

    def _erase(self) -> None:
        if self._drawn:
            # Two more columns, because the terminal itself may have echoed ^C there.
            blank = " " * min(count_columns(self._drawn) + 2, self.width - 1)
            with contextlib.suppress(OSError):
                self._write(f"\r{blank}\r")
        self._drawn = ""

    def _write(self, text: str) -> None:
        # Bypass Python's buffers, because a signal may arrive in the middle of another line.
        data = text.encode(getattr(sys.stderr, "encoding", None) or "utf-8", "backslashreplace")
        while data:
            data = data[os.write(self._fd, data) :]

    def _run(self) -> None:
        wait = FIRST_DRAW_SECONDS
        while not self._end.wait(wait):
            self.draw()
            wait = REDRAW_SECONDS


_screen: StatusScreen | None = None  # global, because a process has one terminal


@contextlib.contextmanager
def show_status(wanted: bool, stage: str) -> Iterator[None]:
    """Show a status line during this block, starting with `stage`, if stderr is a terminal."""
    global _screen
    if not wanted or _screen is not None or not is_terminal(sys.stderr):
        yield
        return
    _screen = StatusScreen(StatusLine(stage))
    try:
        yield
    finally:
        close_status()


def close_status() -> None:
    """Remove the status line for the rest of the process."""
    global _screen
    screen, _screen = _screen, None
    if screen is not None:
        screen.close()


def set_stage(text: str) -> None:
    """Show what is being done; with an empty text the line shows the progress over the items."""
    _change(lambda status: status.enter_stage(text))


def update_items(done: int, total: int, skipped: int = 0) -> None:
    """Show that `done` of `total` items are finished, `skipped` of them in an earlier run."""
    _change(lambda status: status.count_items(done, total, skipped))


def update_samples(done: int, total: int) -> None:
    """Show that `done` of `total` samples of the current item are finished."""
    _change(lambda status: status.count_samples(done, total))


def _change(change: Callable[[StatusLine], bool]) -> None:
    screen = _screen
    if screen is not None and change(screen.status):
        screen.draw()  # now, because TensorFlow may hold the interpreter for seconds


def write_stderr(text: str, verbatim: bool = False) -> None:
    """Write a message to stderr; on a terminal its lines are wrapped, unless `verbatim`."""
    if sys.stderr is None:
        return
    if is_terminal(sys.stderr) and not verbatim:
        text = wrap_text(text, measure_stderr())
    if _screen is not None:
        _screen.write_line(text)
    else:
        click.echo(text, err=True)


def write_stdout(text: str) -> None:
    """Write a line to stdout, never wrapped, and flush it."""
    if sys.stdout is None:  # closed by the caller
        return
    above = _screen is not None and is_terminal(sys.stdout)
    with _screen.hide_line() if _screen and above else contextlib.nullcontext():
        if _is_stdout_shared():
            from inputgrad_cli.supervision.crash_safe_stdout_lines import write_line

            write_line(f"{text}\n".encode(*_find_stdout_codec()))
        else:
            click.echo(text)  # it flushes, and writes any file name in any locale


def _is_stdout_shared() -> bool:
    """Return whether the parent process could write the rest of a line, should this one die."""
    if (
        "inputgrad_cli.supervision.crash_safe_stdout_lines" not in sys.modules
    ):  # not loaded by --help
        return False
    from inputgrad_cli.supervision.crash_safe_stdout_lines import is_shared

    return is_shared()


@functools.cache
def _find_stdout_codec() -> tuple[str, str]:
    """Return the encoding and the error handler of stdout; ASCII is replaced by UTF-8.

    Click does the same: Python reports ASCII for the C locale and for a missing one.
    """
    name = codecs.lookup(sys.stdout.encoding).name
    return "utf-8" if name == "ascii" else name, sys.stdout.errors or "strict"


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream exists, is open and is a terminal."""
    with contextlib.suppress(ValueError, OSError):
        return stream is not None and stream.isatty()
    return False


def measure_stderr() -> int:
    """Return the width in columns of the terminal on stderr."""
    return _screen.width if _screen else _measure_terminal(2)


def measure_page() -> int:
    """Return the width in columns of a page on stdout; it is unlimited without a terminal."""
    return _measure_terminal(1) if is_terminal(sys.stdout) else UNLIMITED_WIDTH


def _measure_terminal(fd: int) -> int:
    with contextlib.suppress(OSError):
        return os.get_terminal_size(fd).columns or DEFAULT_WIDTH
    return DEFAULT_WIDTH


def wrap_text(text: str, width: int, indent: str = CONTINUATION_INDENT) -> str:
    """Return the text with its lines broken between words; a word that is too long stays unbroken.

    Each continuation line begins with `indent`.
    """
    wrapper = textwrap.TextWrapper(
        max(width, MIN_TEXT_WIDTH + len(indent)),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        drop_whitespace=True,
    )
    return "\n".join(wrapper.fill(line) if len(line) > width else line for line in text.split("\n"))


def count_columns(text: str) -> int:
    """Return how many columns a terminal needs for a text."""
    return sum(_count_character_columns(char) for char in text)


def _count_character_columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clip_text(text: str, max_columns: int) -> str:
    """Return the text cut to at most `max_columns` columns, ending with `...` if it was cut."""
    if count_columns(text) <= max_columns:
        return text
    while text and count_columns(text) > max_columns - len(ELLIPSIS):
        text = text[:-1]
    return text + ELLIPSIS
