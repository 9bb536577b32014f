"""How long a model may take, by what its file really holds, never by what its headers claim."""

from __future__ import annotations

import os
from pathlib import Path

READING = 8.0  # seconds of the processor that any file may take
OPENING = 12.0  # a thousand layers take seven
USUAL_START = 2.0  # seconds of the processor that TensorFlow takes to be imported
READ_RATE = 40e6  # bytes a second; hashing and checking one takes a tenth of that
BLOCK = 512  # bytes, in which stat counts what a file takes
OPEN_RATE = 10e6  # bytes a second; large honest models open five times as fast


def reading_seconds(path: Path) -> float:
    """Return how long the file of a model may be read."""
    return READING + _size(path) / READ_RATE


def opening_seconds(path: Path, start: float = USUAL_START) -> float:
    """Return how long Keras may take to open a model; TensorFlow has taken `start` seconds to come.

    A machine that takes longer for that than usual takes longer for this as well.
    """
    return (OPENING + _size(path) / OPEN_RATE) * max(1.0, start / USUAL_START)


def _size(path: Path) -> int:
    """Return the bytes that a file takes of the disk, or all files of a directory; 0 of none."""
    try:
        if not path.is_dir():
            return _held(path.stat())
        files = (os.path.join(at, name) for at, _, names in os.walk(path) for name in names)
        return sum(_held(os.lstat(file)) for file in files)
    except OSError:
        return 0


def _held(about: os.stat_result) -> int:
    """Return the bytes of a file, without its holes."""
    return min(about.st_size, about.st_blocks * BLOCK)
