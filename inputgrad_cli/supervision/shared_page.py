"""A page of memory that a worker shares with the process that watches it.

The worker writes, the parent reads, but for the signals that the parent passed on. Nothing here
waits for a lock: the worker may die between any two steps.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
import time
from enum import IntEnum

TEXT = 4096  # bytes of the longest path
LINE = 1 << 16  # bytes of the longest line of stdout that can be ended by another process
BANKS = 2  # one is read while the other is written
DIGESTS = 4096  # items that are under way at a time; a batch has some tens


class Stage(IntEnum):
    """What a worker is doing."""

    STARTING = 0
    READING = 1  # the file of the model, without TensorFlow
    OPENING = 2  # the model, in TensorFlow
    COMPUTING = 3  # items
    ENDING = 4


class Fields(ctypes.Structure):
    """The page as it lies in memory.

    `paused` says that the worker stopped itself because its parent was stopped. `since` is when the
    stage began (monotonic seconds), `seconds` how much of the processor it may take (0: any),
    `limit` how many bytes the worker may hold (0: any number). `subject` is the model or the input
    that the stage is about, `digests` the items under way: `counts` of them in each bank, of which
    `bank` is the latest. `heard` counts the signals that the parent passed on, by number.
    `reported` is how many events of a run were reported to the user, `done` how many maps this
    worker made, `size` how many items its batches hold at most (0: as it likes), `resumable` says
    that another worker could go on, `alone` that only one item is worked on at a time,
    `restart_requested` that it ends so that another, without oneDNN, goes on. `line` is what is
    being written to stdout, `line_sent` of its `line_size` bytes so far; it began at `line_start`
    where stdout is a file. `reporting` says that it reports an event.
    """

    _fields_ = (
        ("stage", ctypes.c_int32),
        ("paused", ctypes.c_int32),
        ("bank", ctypes.c_uint32),
        ("counts", ctypes.c_uint32 * BANKS),
        ("since", ctypes.c_double),
        ("seconds", ctypes.c_double),
        ("limit", ctypes.c_uint64),
        ("reported", ctypes.c_uint64),
        ("done", ctypes.c_uint64),
        ("size", ctypes.c_uint32),
        ("resumable", ctypes.c_int32),
        ("alone", ctypes.c_int32),
        ("restart_requested", ctypes.c_int32),
        ("reporting", ctypes.c_int32),
        ("line_size", ctypes.c_uint64),
        ("line_sent", ctypes.c_uint64),
        ("line_start", ctypes.c_int64),
        ("heard", ctypes.c_uint32 * signal.NSIG),
        ("subject", ctypes.c_char * TEXT),
        ("digests", ctypes.c_uint64 * DIGESTS * BANKS),
        ("line", ctypes.c_char * LINE),
    )


class Number:
    """A whole number of the page, as an attribute of it."""

    def __set_name__(self, owner: type[Page], name: str) -> None:
        self._name = name

    def __get__(self, page: Page, owner: type[Page]) -> int:
        return int(getattr(page.fields, self._name))

    def __set__(self, page: Page, value: int) -> None:
        setattr(page.fields, self._name, value)


class Page:
    """What one worker says of itself; `Fields` describes the numbers."""

    paused = Number()
    limit = Number()
    reported = Number()
    done = Number()
    size = Number()
    resumable = Number()
    alone = Number()
    restart_requested = Number()
    reporting = Number()
    line_sent = Number()

    def __init__(self) -> None:
        self.fields = Fields.from_buffer(mmap.mmap(-1, ctypes.sizeof(Fields)))
        self.enter(Stage.STARTING)

    @property
    def stage(self) -> Stage:
        """Return what the worker is doing."""
        return Stage(self.fields.stage)

    @property
    def began(self) -> float:
        """Return when it began to, by the monotonic clock."""
        return float(self.fields.since)

    @property
    def seconds(self) -> float:
        """Return how many seconds of the processor the stage may take; 0: any number."""
        return float(self.fields.seconds)

    @property
    def subject(self) -> str:
        """Return the model or the input that the stage is about; nothing where it is unknown."""
        return bytes(self.fields.subject).decode(errors="surrogateescape")

    def enter(self, stage: Stage, subject: str = "", seconds: float = 0.0) -> None:
        """Say what is being done now, to what, and how long it may take."""
        fields = self.fields
        fields.seconds = 0.0  # while the rest is written no alarm may go off
        fields.since = time.monotonic()
        fields.subject = subject.encode(errors="surrogateescape")[: TEXT - 1]
        fields.stage = stage
        fields.seconds = seconds

    @property
    def under_way(self) -> tuple[int, ...]:
        """Return the digests of the items that are being worked on."""
        return self._bank(self.fields.bank)

    @under_way.setter
    def under_way(self, digests: tuple[int, ...]) -> None:
        few, bank = digests[:DIGESTS], 1 - self.fields.bank
        self.fields.digests[bank][: len(few)] = few
        self.fields.counts[bank] = len(few)
        self.fields.bank = bank  # in one step: any thread may die now

    @property
    def before(self) -> tuple[int, ...]:
        """Return the digests of those that were, before one was begun or ended."""
        return self._bank(1 - self.fields.bank)

    def _bank(self, bank: int) -> tuple[int, ...]:
        return tuple(self.fields.digests[bank][: self.fields.counts[bank]])

    def begin_line(self, data: bytes, start: int) -> None:
        """Lay down what is written next; `start` is where a file will have it, -1 elsewhere."""
        fields = self.fields
        ctypes.memmove(ctypes.addressof(fields) + Fields.line.offset, data, min(len(data), LINE))
        fields.line_sent, fields.line_start = 0, start
        fields.line_size = len(data)

    def end_line(self) -> None:
        """Say that the line is written."""
        self.fields.line_size = 0

    def line(self) -> tuple[bytes, int, int]:
        """Return the line under way, as much as there is room for, its size, where it began."""
        fields = self.fields
        data = ctypes.string_at(ctypes.addressof(fields) + Fields.line.offset, LINE)
        return data[: fields.line_size], int(fields.line_size), int(fields.line_start)

    def pass_on(self, number: int) -> None:
        """Count a signal that is passed on next."""
        self.fields.heard[number] += 1

    def passed_on(self, number: int) -> int:
        """Return how often a signal was passed on."""
        return int(self.fields.heard[number])
