"""Counts the items of a run that are written, failed, or skipped."""

from __future__ import annotations

from inputgrad_cli.runs.run_events import Progress


class RunCounts:
    """Counts the finished items of a run of `total` items with `maps` maps each."""

    def __init__(self, total: int, maps: int) -> None:
        self.done = 0
        self.skipped = 0
        self._total, self._maps = total, maps
        self._last_item = ("", 0)

    def count_skipped(self, item: str) -> bool:
        """Count a map that exists already; return whether it was the last of its item."""
        # The maps of an item follow one another, so that only the last item must be known.
        name, maps = self._last_item
        self._last_item = (item, maps + 1 if name == item else 1)
        if self._last_item[1] < self._maps:
            return False
        self.done += 1
        self.skipped += 1
        return True

    def count_batch(self, items: int) -> Progress:
        """Count the items of a batch as done, and return the progress of the run."""
        self.done += items
        return self.get_progress()

    def get_progress(self) -> Progress:
        """Return the progress of the run."""
        return Progress(self.done, self._total, self.skipped)
