"""Commands in a terminal: a pseudo-terminal, and a screen on which one reads what a user sees."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import contextmanager

import pyte

ROWS = 3000  # of the screen: nothing scrolls away


class Terminal:
    """A process in a terminal of some width; `written` are (seconds since the start, bytes)."""

    def __init__(self, words, columns=80, env=None, **options):
        self.columns = columns
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), slave)
        clean = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            [str(word) for word in words],
            env={**clean, "TERM": "xterm-256color", **(env or {})},
            preexec_fn=_take_terminal,
            **{**streams, **options},
        )
        os.close(slave)
        self.written = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux: the last holder of the other end has closed it
                return
            if not data:
                return
            self.written.append((time.monotonic() - self._began, data))

    def type(self, text):
        """Press keys, as `chr(3)` for ^C."""
        os.write(self._master, text.encode())

    def wait(self, seconds=120):
        """Wait for the end, and return the exit code; a signal is a negative one."""
        code = self.process.wait(seconds)
        self._reader.join(seconds)
        return code

    def close(self):
        """End what still runs, and let go of the terminal."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(10)
        os.close(self._master)

    @property
    def raw(self):
        """Return all that was written to the terminal."""
        return b"".join(data for _, data in self.written)

    @property
    def lines(self):
        """Return the lines that the screen shows, without the empty ones at its end."""
        return shown(self.raw, self.columns)

    def until(self, fact, seconds=60):
        """Wait until a fact of this terminal holds; return it."""
        end = time.monotonic() + seconds
        while not (value := fact(self)):
            assert time.monotonic() < end, self.raw
            if self.process.poll() is not None and not fact(self):
                raise AssertionError(self.raw)
            time.sleep(0.02)
        return value


def _take_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def shown(raw, columns):
    """Return the lines that a screen of that width shows once these bytes were written to it."""
    screen = pyte.Screen(columns, ROWS)
    pyte.ByteStream(screen).feed(raw)
    lines = [line.rstrip() for line in screen.display]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def tool(*words):
    """Return the words that start the command."""
    return [sys.executable, "-m", "inputgrad_cli", *map(str, words)]


@contextmanager
def terminals():
    """Yield a maker of terminals; what still runs at the end is ended."""
    shown = []

    def make(*words, **options):
        shown.append(Terminal(tool(*words), **options))
        return shown[-1]

    yield make
    for terminal in shown:
        terminal.close()
