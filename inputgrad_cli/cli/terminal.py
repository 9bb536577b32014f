"""The user's terminal: a line that says what is going on, and whatever is printed around it.

All that the commands print goes through `put` (stdout) and `say` (stderr). The status line is drawn
by a carriage return and spaces alone, so that it needs no escape codes on any terminal.
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

from inputgrad_cli.cli.reporters.progress import Status

FIRST = 0.3  # seconds before the line is drawn: a call that is quicker shows none
EVERY = 0.25  # seconds between two looks at what the line should say
USUAL = 80  # columns, of a terminal that does not tell its width
ANY = 1 << 20  # columns
CONTINUED = "  "  # before the second and later lines of a sentence


class Screen:
    """A terminal on stderr under its own descriptor: another is turned away while models open."""

    def __init__(self, status: Status) -> None:
        self.status = status
        self._fd = os.dup(2)
        self._lock = threading.RLock()  # a signal may come while a line is written
        self._drawn = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="status")
        self._thread.start()

    def close(self) -> None:
        """Take the line away."""
        self._end.set()
        self._thread.join()
        with self._lock:
            self._erase()
            os.close(self._fd)

    def draw(self) -> None:
        """Write the line anew where it has changed."""
        text = clipped(self.status.text(), self.width - 1)
        with self._lock, contextlib.suppress(OSError):
            if text != self._drawn and not self._end.is_set():
                rest = " " * (columns(self._drawn) - columns(text))
                self._write(f"\r{text}{rest}")
                self._drawn = text

    @contextlib.contextmanager
    def lifted(self) -> Iterator[None]:
        """Print in this block in the place of the line; the thread then draws it below."""
        with self._lock:
            self._erase()
            yield

    def say(self, text: str) -> None:
        """Write a whole line above the status line."""
        with self.lifted():
            self._write(text + "\n")

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return _width_of(self._fd)

    def _erase(self) -> None:
        if self._drawn:
            # Two more: the terminal itself wrote ^C there.
            blank = " " * min(columns(self._drawn) + 2, self.width - 1)
            with contextlib.suppress(OSError):
                self._write(f"\r{blank}\r")
        self._drawn = ""

    def _write(self, text: str) -> None:
        # Not by Python's own buffers: a signal may come in the middle of another line.
        data = text.encode(getattr(sys.stderr, "encoding", None) or "utf-8", "backslashreplace")
        while data:
            data = data[os.write(self._fd, data) :]

    def _run(self) -> None:
        wait = FIRST
        while not self._end.wait(wait):
            self.draw()
            wait = EVERY


_screen: Screen | None = None  # a process has one terminal


@contextlib.contextmanager
def shown(wanted: bool, stage: str) -> Iterator[None]:
    """Show what is going on in this block, from `stage` on, where stderr is a terminal."""
    global _screen
    if not wanted or _screen is not None or not is_terminal(sys.stderr):
        yield
        return
    _screen = Screen(Status(stage))
    try:
        yield
    finally:
        end()


def end() -> None:
    """Take the status line away, for good."""
    global _screen
    gone, _screen = _screen, None
    if gone is not None:
        gone.close()


def stage(text: str) -> None:
    """Say what is being done; nothing: the items are being counted."""
    _change(lambda status: status.enter(text))


def count(done: int, total: int, skipped: int = 0) -> None:
    """Say that `done` of `total` items are through, `skipped` of them in an earlier run."""
    _change(lambda status: status.count(done, total, skipped))


def part(done: int, total: int) -> None:
    """Say that `done` of `total` samples of the item under way are through."""
    _change(lambda status: status.part(done, total))


def _change(change: Callable[[Status], bool]) -> None:
    screen = _screen
    if screen is not None and change(screen.status):
        screen.draw()  # TensorFlow may hold the interpreter for seconds from here on


def say(text: str, keep: bool = False) -> None:
    """Write a sentence to stderr; on a terminal it is broken between words, unless `keep`."""
    if sys.stderr is None:
        return
    if is_terminal(sys.stderr) and not keep:
        text = wrapped(text, stderr_width())
    if _screen is not None:
        _screen.say(text)
    else:
        click.echo(text, err=True)


def put(text: str) -> None:
    """Write a line to stdout as it is, whatever the width of a terminal; flushed."""
    if sys.stdout is None:  # closed by the caller
        return
    above = _screen is not None and is_terminal(sys.stdout)
    with _screen.lifted() if _screen and above else contextlib.nullcontext():
        outlet = sys.modules.get("inputgrad_cli.supervision.stdout_lines")  # --help needs none
        if outlet and outlet.is_shared():
            outlet.write_line(f"{text}\n".encode(*_stdout_codec()))
        else:
            click.echo(text)  # which flushes, and writes any name in any locale


@functools.cache
def _stdout_codec() -> tuple[str, str]:
    """Return the encoding of stdout, and how it takes what it lacks; ASCII is taken for UTF-8.

    So Click does: ASCII is what C, or no locale at all, is read as.
    """
    name = codecs.lookup(sys.stdout.encoding).name
    return "utf-8" if name == "ascii" else name, sys.stdout.errors or "strict"


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is there, open, and a terminal."""
    with contextlib.suppress(ValueError, OSError):
        return stream is not None and stream.isatty()
    return False


def stderr_width() -> int:
    """Return the columns of the terminal on stderr."""
    return _screen.width if _screen else _width_of(2)


def page_width() -> int:
    """Return the columns of a page on stdout; what is no terminal takes lines of any length."""
    return _width_of(1) if is_terminal(sys.stdout) else ANY


def _width_of(fd: int) -> int:
    with contextlib.suppress(OSError):
        return os.get_terminal_size(fd).columns or USUAL
    return USUAL


def wrapped(text: str, width: int, indent: str = CONTINUED) -> str:
    """Return text whose lines are broken between words; a word that is too long stays whole.

    The lines that are made so begin with `indent`.
    """
    how = textwrap.TextWrapper(
        max(width, 20 + len(indent)),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        drop_whitespace=True,
    )
    return "\n".join(how.fill(line) if len(line) > width else line for line in text.split("\n"))


def columns(text: str) -> int:
    """Return how many columns a terminal needs for a text."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clipped(text: str, most: int) -> str:
    """Return the beginning of a text that has no more than `most` columns."""
    if columns(text) <= most:
        return text
    while text and columns(text) > most - 3:
        text = text[:-1]
    return text + "..."
