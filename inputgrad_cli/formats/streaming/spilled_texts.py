"""Stores the texts of a large table's columns on disk, and reads them back by row."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inputgrad_cli.formats.streaming.spill_file import SpillFile
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.lazy_array import build_lazy_array


class TextSpill:
    """Two temporary files: the rows of texts, encoded one after another, and where each ends."""

    def __init__(self, folder: Path | None = None) -> None:
        self._texts, self._ends = SpillFile(folder), SpillFile(folder)
        self._size = self._count = 0

    def append(self, rows: Sequence[Sequence[str]]) -> None:
        """Append rows of texts. Raises StorageError."""
        encoded = [json.dumps(list(row)).encode("ascii") for row in rows]
        ends = self._size + np.cumsum([len(line) for line in encoded], dtype=np.int64)
        self._texts.append(np.frombuffer(b"".join(encoded), np.uint8))
        self._ends.append(ends)
        self._size, self._count = self._size + sum(map(len, encoded)), self._count + len(rows)

    def get_rows(self, width: int) -> Array:
        """Return a lazy array (N, width) of all rows."""
        ends = self._ends.get_rows(0, (self._count,), np.int64)
        read = SpilledTexts(self._texts, ends, width)
        return build_lazy_array((self._count, width), object, read)


@dataclass(frozen=True)
class SpilledTexts:
    """Reads rows of `width` texts; row i ends in the file at byte `ends[i]`."""

    file: SpillFile
    ends: Array
    width: int

    def __call__(self, start: int, stop: int) -> Array:
        """Return the rows from `start` to `stop`, (stop - start, width)."""
        first = max(start - 1, 0)
        ends = [int(end) for end in self.ends[first:stop]]
        ends = ends if start else [0, *ends]
        data = bytes(self.file.read(ends[0], ends[-1] - ends[0]))
        rows: Array = np.empty((stop - start, self.width), object)
        for row, (begin, end) in enumerate(itertools.pairwise(ends)):
            rows[row] = json.loads(data[begin - ends[0] : end - ends[0]])
        return rows
