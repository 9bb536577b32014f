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
    that the stage is about, `digests` the items under way. `heard` counts the signals that the
    parent passed on, by number. `told` is how many events of a run the user has been told, `done`
    how many maps this worker made, `size` how many items its batches hold at most (0: as it likes),
    `resumable` says that another worker could go on, `alone` that only one item is worked on at a
    time, `anew` that it ends for another, without oneDNN, to go on. `line` is what is being written
    to stdout, `line_sent` of its `line_size` bytes so far; it began at `line_start` where stdout is
    a file. `telling` says that it tells an event.
    """

    _fields_ = (
        ("stage", ctypes.c_int32),
        ("paused", ctypes.c_int32),
        ("count", ctypes.c_uint32),
        ("since", ctypes.c_double),
        ("seconds", ctypes.c_double),
        ("limit", ctypes.c_uint64),
        ("told", ctypes.c_uint64),
        ("done", ctypes.c_uint64),
        ("size", ctypes.c_uint32),
        ("resumable", ctypes.c_int32),
        ("alone", ctypes.c_int32),
        ("anew", ctypes.c_int32),
        ("telling", ctypes.c_int32),
        ("line_size", ctypes.c_uint64),
        ("line_sent", ctypes.c_uint64),
        ("line_start", ctypes.c_int64),
        ("heard", ctypes.c_uint32 * signal.NSIG),
        ("subject", ctypes.c_char * TEXT),
        ("digests", ctypes.c_uint64 * DIGESTS),
        ("line", ctypes.c_char * LINE),
    )


class Page:
    """What one worker says of itself."""

    def __init__(self) -> None:
        self._fields = Fields.from_buffer(mmap.mmap(-1, ctypes.sizeof(Fields)))
        self.enter(Stage.STARTING)

    @property
    def stage(self) -> Stage:
        """Return what the worker is doing."""
        return Stage(self._fields.stage)

    @property
    def began(self) -> float:
        """Return when it began to, by the monotonic clock."""
        return float(self._fields.since)

    @property
    def seconds(self) -> float:
        """Return how many seconds of the processor the stage may take; 0: any number."""
        return float(self._fields.seconds)

    @property
    def subject(self) -> str:
        """Return the model or the input that the stage is about; nothing where it is unknown."""
        return bytes(self._fields.subject).decode(errors="surrogateescape")

    def enter(self, stage: Stage, subject: str = "", seconds: float = 0.0) -> None:
        """Say what is being done now, to what, and how long it may take."""
        fields = self._fields
        fields.seconds = 0.0  # while the rest is written no alarm may go off
        fields.since = time.monotonic()
        fields.subject = subject.encode(errors="surrogateescape")[: TEXT - 1]
        fields.stage = stage
        fields.seconds = seconds

    @property
    def paused(self) -> bool:
        """Return whether the worker stopped itself, as its parent was stopped."""
        return bool(self._fields.paused)

    @paused.setter
    def paused(self, value: bool) -> None:
        self._fields.paused = value

    @property
    def resumable(self) -> bool:
        """Return whether another worker could go on where this one dies."""
        return bool(self._fields.resumable)

    @resumable.setter
    def resumable(self, value: bool) -> None:
        self._fields.resumable = value

    @property
    def alone(self) -> bool:
        """Return whether nothing else goes on beside the item that is under way."""
        return bool(self._fields.alone)

    @alone.setter
    def alone(self, value: bool) -> None:
        self._fields.alone = value

    @property
    def anew(self) -> bool:
        """Return whether the worker ends for another to go on, without oneDNN's kernels."""
        return bool(self._fields.anew)

    @anew.setter
    def anew(self, value: bool) -> None:
        self._fields.anew = value

    @property
    def limit(self) -> int:
        """Return how many bytes the worker may hold; 0: any number."""
        return int(self._fields.limit)

    @limit.setter
    def limit(self, size: int) -> None:
        self._fields.limit = size

    @property
    def told(self) -> int:
        """Return how many events of the run the user has been told."""
        return int(self._fields.told)

    @told.setter
    def told(self, count: int) -> None:
        self._fields.told = count

    @property
    def done(self) -> int:
        """Return how many maps this worker has made."""
        return int(self._fields.done)

    @done.setter
    def done(self, count: int) -> None:
        self._fields.done = count

    @property
    def size(self) -> int:
        """Return how many items a batch holds at most; 0: as many as the worker likes."""
        return int(self._fields.size)

    @size.setter
    def size(self, size: int) -> None:
        self._fields.size = size

    @property
    def under_way(self) -> tuple[int, ...]:
        """Return the digests of the items that are being worked on."""
        fields = self._fields
        return tuple(fields.digests[: min(fields.count, DIGESTS)])

    @under_way.setter
    def under_way(self, digests: tuple[int, ...]) -> None:
        fields, few = self._fields, digests[:DIGESTS]
        fields.count = 0
        fields.digests[: len(few)] = few
        fields.count = len(few)

    @property
    def telling(self) -> bool:
        """Return whether the line under way tells an event that counts."""
        return bool(self._fields.telling)

    @telling.setter
    def telling(self, value: bool) -> None:
        self._fields.telling = value

    @property
    def sent(self) -> int:
        """Return how many bytes of the line under way are written."""
        return int(self._fields.line_sent)

    @sent.setter
    def sent(self, count: int) -> None:
        self._fields.line_sent = count

    def begin_line(self, data: bytes, start: int) -> None:
        """Lay down what is written next; `start` is where a file will have it, -1 elsewhere."""
        fields = self._fields
        ctypes.memmove(ctypes.addressof(fields) + Fields.line.offset, data, min(len(data), LINE))
        fields.line_sent, fields.line_start = 0, start
        fields.line_size = len(data)

    def end_line(self) -> None:
        """Say that the line is written."""
        self._fields.line_size = 0

    def line(self) -> tuple[bytes, int, int]:
        """Return the line under way, as much as there is room for, its size, where it began."""
        fields = self._fields
        data = ctypes.string_at(ctypes.addressof(fields) + Fields.line.offset, LINE)
        return data[: fields.line_size], int(fields.line_size), int(fields.line_start)

    @property
    def numbers(self) -> range:
        """Return the numbers of all signals."""
        return range(1, signal.NSIG)

    def pass_on(self, number: int) -> None:
        """Count a signal that is passed on next."""
        self._fields.heard[number] += 1

    def passed_on(self, number: int) -> int:
        """Return how often a signal was passed on."""
        return int(self._fields.heard[number])
