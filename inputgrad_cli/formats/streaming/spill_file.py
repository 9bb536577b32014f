"""Stores rows in a temporary file without a name, and reads them back when they are needed."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli.errors import StorageError
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.numeric.lazy_array import build_lazy_array


class SpillFile:
    """A temporary file in `folder`, by default that of the system, that ends with the process."""

    def __init__(self, folder: Path | None = None) -> None:
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                self._handle = os.dup(file.fileno())
        except OSError as error:
            raise _build_space_error(folder, error) from None
        self._folder, self._end = folder, 0
        weakref.finalize(self, os.close, self._handle)

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
        row_bytes = prod(shape[1:]) * np.dtype(dtype).itemsize

        def read(first: int, last: int) -> Array:
            data = self._read(start + first * row_bytes, (last - first) * row_bytes)
            return np.frombuffer(data, dtype).reshape(last - first, *shape[1:])

        return build_lazy_array(shape, dtype, read)

    def _read(self, start: int, size: int) -> bytearray:
        """Return `size` bytes of the file, which the system may return in several parts."""
        data = bytearray()
        while len(data) < size:
            part = os.pread(self._handle, size - len(data), start + len(data))
            if not part:
                raise StorageError("a temporary file on disk has become shorter")
            data += part
        return data


def _build_space_error(folder: Path | None, error: OSError) -> StorageError:
    return StorageError(
        f"{folder or tempfile.gettempdir()}: cannot hold what does not fit into memory",
        reason=str(error.strerror or error),
        hint="free some space or choose another --out",
    )
