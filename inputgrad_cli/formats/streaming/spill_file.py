"""Stores rows in a temporary file without a name, and reads them back when they are needed."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli.errors import StorageError
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.lazy_array import BLOCK_BYTES, build_lazy_array

# The next run in the directory removes files with such names, as it does for all that were not
# finished; see `storage/atomic_write.py`.
COPY_PREFIX, COPY_SUFFIX = ".ig-rows-", ".tmp"


class SpillFile:
    """A temporary file in `folder`, by default that of the system, that ends with the process.

    It has no name, so that a process that is killed leaves nothing behind. To be pickled it gets a
    copy that has one, because another process cannot open it otherwise; whoever sends it there
    removes the copy, at the latest with the next run in the directory. `copy` is such a copy.
    """

    def __init__(self, folder: Path | None = None, copy: str | None = None) -> None:
        try:
            if copy is None:
                with tempfile.TemporaryFile(dir=folder) as file:
                    self._handle = os.dup(file.fileno())
            else:
                self._handle = os.open(copy, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _build_space_error(folder, error) from None
        weakref.finalize(self, os.close, self._handle)
        self._folder, self._end = folder, os.fstat(self._handle).st_size
        self._copy, self._copy_end = copy, self._end

    def __reduce__(self) -> tuple[type[SpillFile], tuple[Path | None, str]]:
        """Return how another process opens a copy of this file. Raises StorageError."""
        if self._copy is None or self._copy_end != self._end:
            self._copy, self._copy_end = self._write_copy(), self._end
        return SpillFile, (self._folder, self._copy)

    def _write_copy(self) -> str:
        try:
            with tempfile.NamedTemporaryFile(
                dir=self._folder, prefix=COPY_PREFIX, suffix=COPY_SUFFIX, delete=False
            ) as file:
                for start in range(0, self._end, BLOCK_BYTES):
                    file.write(self.read(start, min(BLOCK_BYTES, self._end - start)))
        except OSError as error:
            raise _build_space_error(self._folder, error) from None
        return file.name

    def append(self, rows: Array) -> int:
        """Append rows, and return the byte at which they begin. Raises StorageError."""
        start, data = self._end, memoryview(rows.tobytes())
        try:
            while data:
                written = os.pwrite(self._handle, data, self._end)
                data, self._end = data[written:], self._end + written
        except OSError as error:
            raise _build_space_error(self._folder, error) from None
        return start

    def get_rows(self, start: int, shape: Sequence[int], dtype: Any) -> Array:
        """Return a lazy array of the rows that begin at byte `start`."""
        rows = SpilledRows(self, start, tuple(shape[1:]), np.dtype(dtype))
        return build_lazy_array(shape, dtype, rows)

    def read(self, start: int, size: int) -> bytearray:
        """Return `size` bytes of the file, which the system may return in several parts."""
        data = bytearray()
        while len(data) < size:
            part = os.pread(self._handle, size - len(data), start + len(data))
            if not part:
                raise StorageError("a temporary file on disk has become shorter")
            data += part
        return data


@dataclass(frozen=True)
class SpilledRows:
    """Reads rows of the given shape and type that begin at byte `start` of a file."""

    file: SpillFile
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __call__(self, first: int, last: int) -> Array:
        """Return the rows from `first` to `last`, (last - first, *shape)."""
        row_bytes = prod(self.shape) * self.dtype.itemsize
        data = self.file.read(self.start + first * row_bytes, (last - first) * row_bytes)
        return np.frombuffer(data, self.dtype).reshape(last - first, *self.shape)


def _build_space_error(folder: Path | None, error: OSError) -> StorageError:
    return StorageError(
        f"{folder or tempfile.gettempdir()}: cannot hold what does not fit into memory",
        reason=str(error.strerror or error),
        hint="free some space or choose another --out",
    )
