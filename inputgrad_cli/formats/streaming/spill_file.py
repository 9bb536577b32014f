"""Rows that are put aside in a nameless file, and read from there when they are asked for."""

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
from inputgrad_cli.numeric.lazy_array import stored


class Spool:
    """A file without a name in a directory, by default that of the system: it ends with the run."""

    def __init__(self, folder: Path | None = None) -> None:
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                self._handle = os.dup(file.fileno())
        except OSError as error:
            raise _full(folder, error) from None
        self._folder, self._end = folder, 0
        weakref.finalize(self, os.close, self._handle)

    def add(self, rows: Array) -> int:
        """Put rows at the end, and return where they begin; StorageError."""
        start, data = self._end, memoryview(rows.tobytes())
        try:
            while data:
                written = os.pwrite(self._handle, data, self._end)
                data, self._end = data[written:], self._end + written
        except OSError as error:
            raise _full(self._folder, error) from None
        return start

    def array(self, start: int, shape: Sequence[int], dtype: Any) -> Array:
        """Return the rows that were put at `start`."""
        row = prod(shape[1:]) * np.dtype(dtype).itemsize

        def read(first: int, last: int) -> Array:
            data = self._read(start + first * row, (last - first) * row)
            return np.frombuffer(data, dtype).reshape(last - first, *shape[1:])

        return stored(shape, dtype, read)

    def _read(self, start: int, size: int) -> bytearray:
        """Return bytes of the file; the system may give them in several goes."""
        data = bytearray()
        while len(data) < size:
            got = os.pread(self._handle, size - len(data), start + len(data))
            if not got:
                raise StorageError("what was put aside on disk has become shorter")
            data += got
        return data


def _full(folder: Path | None, error: OSError) -> StorageError:
    return StorageError(
        f"{folder or tempfile.gettempdir()}: cannot hold what does not fit into memory",
        reason=str(error.strerror or error),
        mend="free some space or choose another --out",
    )
