"""Time limits for reading and opening a model, from the size of its file, never its headers."""

from __future__ import annotations

import os
from pathlib import Path

READING_SECONDS = 8.0  # of the processor, for a file of any size
OPENING_SECONDS = 12.0  # of the processor; a thousand layers take 7
USUAL_START_SECONDS = 2.0  # of the processor, to import TensorFlow
READ_RATE = 40e6  # bytes per second; hashing and checking a file takes a tenth of that time
BLOCK_BYTES = 512  # the unit of `st_blocks`
OPEN_RATE = 10e6  # bytes per second; large honest models open five times as fast


def compute_reading_seconds(path: Path) -> float:
    """Return the limit of processor seconds for reading the file of a model."""
    return READING_SECONDS + _measure_size(path) / READ_RATE


def compute_opening_seconds(path: Path, start: float = USUAL_START_SECONDS) -> float:
    """Return the limit of processor seconds for opening a model in Keras.

    `start` is the time that the import of TensorFlow took: a machine that needs more than usual for
    that needs more for opening a model as well.
    """
    return (OPENING_SECONDS + _measure_size(path) / OPEN_RATE) * max(
        1.0, start / USUAL_START_SECONDS
    )


def _measure_size(path: Path) -> int:
    """Return the size on disk of a file, or of all files of a folder; 0 if it cannot be read."""
    try:
        if not path.is_dir():
            return _measure_file(path.stat())
        files = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
        return sum(_measure_file(os.lstat(file)) for file in files)
    except OSError:
        return 0


def _measure_file(status: os.stat_result) -> int:
    """Return the size of a file in bytes, without its holes."""
    return min(status.st_size, status.st_blocks * BLOCK_BYTES)
