"""A page of memory that a worker shares with its parent.

The worker writes and the parent reads; only the signals that the parent passed on are written by
the parent. There are no locks, because the worker may die between any two steps.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
import time
from enum import IntEnum

SUBJECT_BYTES = 4096  # of the longest path
LINE_BYTES = 1 << 16  # of the longest line of stdout that another process can complete
BANKS = 2  # one can be read while the other is written
MAX_DIGESTS = 4096  # of items under way at the same time; a batch has some tens


class Stage(IntEnum):
    """The stages of a worker."""

    STARTING = 0
    READING = 1  # reads the model's file, without TensorFlow
    OPENING = 2  # opens the model in TensorFlow
    COMPUTING = 3  # computes items
    ENDING = 4


class Fields(ctypes.Structure):
    """The memory layout of the page.

    - `stage`, `since`, `seconds`, `subject`: the stage of the worker, its start (monotonic
      seconds), the processor seconds it may use (0: no limit), and its model or input
    - `paused`: the worker stopped itself because its parent was stopped
    - `limit`: bytes of memory that the worker may use (0: no limit)
    - `digests`: the items under way, `counts[i]` of them in bank `i`; `bank` is the current bank
    - `signal_counts`: the number of times that the parent passed on a signal, by signal number
    - `reported`, `done`: the events reported to the user, and the maps made by this worker
    - `size`: the largest batch of the worker (0: no limit)
    - `resumable`: another worker could continue
    - `alone`: only one item is under way at a time
    - `restart_requested`: the worker ends so that another, without oneDNN, continues
    - `line`, `line_size`, `line_sent`: the line being written to stdout, its bytes, and the bytes
      written so far; `line_start` is its offset if stdout is a file
    - `reporting`: the line reports an event
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
        ("signal_counts", ctypes.c_uint32 * signal.NSIG),
        ("subject", ctypes.c_char * SUBJECT_BYTES),
        ("digests", ctypes.c_uint64 * MAX_DIGESTS * BANKS),
        ("line", ctypes.c_char * LINE_BYTES),
    )


class PageField:
    """A descriptor for an integer of `Fields`, as an attribute of `Page`."""

    def __set_name__(self, owner: type[Page], name: str) -> None:
        self._name = name

    def __get__(self, page: Page, owner: type[Page]) -> int:
        return int(getattr(page.fields, self._name))

    def __set__(self, page: Page, value: int) -> None:
        setattr(page.fields, self._name, value)


class Page:
    """The state of a worker in shared memory; `Fields` describes the attributes."""

    paused = PageField()
    limit = PageField()
    reported = PageField()
    done = PageField()
    size = PageField()
    resumable = PageField()
    alone = PageField()
    restart_requested = PageField()
    reporting = PageField()
    line_sent = PageField()

    def __init__(self) -> None:
        self.fields = Fields.from_buffer(mmap.mmap(-1, ctypes.sizeof(Fields)))
        self.enter_stage(Stage.STARTING)

    @property
    def stage(self) -> Stage:
        """The current stage."""
        return Stage(self.fields.stage)

    @property
    def stage_start(self) -> float:
        """The start of the stage in seconds of the monotonic clock."""
        return float(self.fields.since)

    @property
    def seconds(self) -> float:
        """The processor seconds that the stage may use; 0: no limit."""
        return float(self.fields.seconds)

    @property
    def subject(self) -> str:
        """The model or the input of the stage, "" if it has none."""
        return bytes(self.fields.subject).decode(errors="surrogateescape")

    def enter_stage(self, stage: Stage, subject: str = "", seconds: float = 0.0) -> None:
        """Begin a stage with its model or input and its limit of processor seconds (0: none)."""
        fields = self.fields
        fields.seconds = 0.0  # no limit applies while the other fields are written
        fields.since = time.monotonic()
        fields.subject = subject.encode(errors="surrogateescape")[: SUBJECT_BYTES - 1]
        fields.stage = stage
        fields.seconds = seconds

    @property
    def under_way(self) -> tuple[int, ...]:
        """The digests of the items that are under way."""
        return self._read_bank(self.fields.bank)

    @under_way.setter
    def under_way(self, digests: tuple[int, ...]) -> None:
        digests, bank = digests[:MAX_DIGESTS], 1 - self.fields.bank
        self.fields.digests[bank][: len(digests)] = digests
        self.fields.counts[bank] = len(digests)
        self.fields.bank = bank  # a single step, because the process may die at any moment

    @property
    def previously_under_way(self) -> tuple[int, ...]:
        """The digests of the items that were under way before the latest change."""
        return self._read_bank(1 - self.fields.bank)

    def _read_bank(self, bank: int) -> tuple[int, ...]:
        return tuple(self.fields.digests[bank][: self.fields.counts[bank]])

    def begin_event(self) -> None:
        """Mark that an event is being reported, of which no line is written yet."""
        # First, because what was sent of an earlier event's line would count for this one.
        self.fields.line_sent = 0
        self.fields.reporting = 1

    def end_event(self) -> None:
        """Count the event as reported."""
        self.fields.reporting = 0
        self.fields.reported += 1

    def begin_line(self, data: bytes, start: int) -> None:
        """Store the line that is written next; `start` is its offset in a file, else -1."""
        fields = self.fields
        size = min(len(data), LINE_BYTES)
        ctypes.memmove(ctypes.addressof(fields) + Fields.line.offset, data, size)
        fields.line_sent, fields.line_start = 0, start
        fields.line_size = len(data)

    def end_line(self) -> None:
        """Mark the line as written."""
        self.fields.line_size = 0

    def read_line(self) -> tuple[bytes, int, int]:
        """Return the current line, cut to LINE_BYTES, its complete size, and its start."""
        fields = self.fields
        data = ctypes.string_at(ctypes.addressof(fields) + Fields.line.offset, LINE_BYTES)
        return data[: fields.line_size], int(fields.line_size), int(fields.line_start)

    def count_signal(self, signal_number: int) -> None:
        """Count a signal that the parent passes on next."""
        self.fields.signal_counts[signal_number] += 1

    def count_signals(self, signal_number: int) -> int:
        """Return how often the parent passed on a signal."""
        return int(self.fields.signal_counts[signal_number])
