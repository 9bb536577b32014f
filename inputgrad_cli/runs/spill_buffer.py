"""Answers that wait until their file is complete: few in memory, many on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from inputgrad_cli.explanation.batch import Answer
from inputgrad_cli.formats.streaming.spill_file import Spool
from inputgrad_cli.numeric.arrays import Array

MOST = 64 << 20  # bytes of values that one file's answers may hold in memory


class Keeper:
    """Keeps the answers of one batch, pass by pass; what is too much for memory goes to `folder`.

    Raises StorageError.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._held = folder, 0
        self._spool: Spool | None = None

    def keep(self, answers: Sequence[Answer]) -> list[Answer]:
        """Return the answers of a pass, their values in memory or on disk."""
        size = sum(array.nbytes for answer in answers for array in answer.values.values())
        if self._held + size <= MOST:
            self._held += size
            return list(answers)
        return [
            replace(a, values={site: self._put(array) for site, array in a.values.items()})
            for a in answers
        ]

    def _put(self, values: Array) -> Array:
        if self._spool is None:
            self._spool = Spool(self._folder)
        values = np.asarray(values, np.float32)
        return self._spool.array(self._spool.add(values), values.shape, values.dtype)
