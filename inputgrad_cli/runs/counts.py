"""How many items of a run are through: written, failed, or done by an earlier run."""

from __future__ import annotations

from collections import deque

from inputgrad_cli.runs.events import Progress


class Tally:
    """Counts the items of a run of `total` items, each of so many maps.

    `under_way` holds the sizes of the batches that are being written, in order.
    """

    def __init__(self, total: int, maps: int) -> None:
        self.done = 0
        self.skipped = 0
        self.under_way: deque[int] = deque()
        self._total, self._maps = total, maps
        self._passed = ("", 0)

    def skip(self, item: str) -> bool:
        """Count a map that was made before; return whether it was the last of its item."""
        name, maps = self._passed
        self._passed = (item, maps + 1 if name == item else 1)
        if self._passed[1] < self._maps:
            return False
        self.done += 1
        self.skipped += 1
        return True

    def written(self) -> Progress:
        """Count the batch that was begun first as through, and return how far the run is."""
        self.done += self.under_way.popleft()
        return self.progress()

    def progress(self) -> Progress:
        """Return how far the run is."""
        return Progress(self.done, self._total, self.skipped)
