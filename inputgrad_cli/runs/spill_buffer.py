"""Holds attributions until their file is complete, in memory or, if too large, on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from inputgrad_cli.explanation.batch_attribution import BatchAttribution
from inputgrad_cli.formats.streaming.spill_file import SpillFile
from inputgrad_cli.numeric.array_helpers import Array

MAX_MEMORY_BYTES = 64 << 20  # values of one file that are held in memory; the rest goes to disk


class SpillBuffer:
    """Holds the attributions of one batch; what exceeds the memory limit is spilled to `folder`.

    Raises StorageError.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._held_bytes = folder, 0
        self._spill_file: SpillFile | None = None

    def keep(self, attributions: Sequence[BatchAttribution]) -> list[BatchAttribution]:
        """Return the attributions of a pass, with their values in memory or on disk."""
        size = sum(array.nbytes for answer in attributions for array in answer.values.values())
        if self._held_bytes + size <= MAX_MEMORY_BYTES:
            self._held_bytes += size
            return list(attributions)
        return [
            replace(a, values={site: self._put(array) for site, array in a.values.items()})
            for a in attributions
        ]

    def _put(self, values: Array) -> Array:
        if self._spill_file is None:
            self._spill_file = SpillFile(self._folder)
        values = np.asarray(values, np.float32)
        return self._spill_file.get_rows(
            self._spill_file.append(values), values.shape, values.dtype
        )
