"""What takes the items of a run through all of its steps, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from inputgrad_cli.runs.inputs.crash_isolating_order import ItemOrder
from inputgrad_cli.runs.model_holder import ModelFacts
from inputgrad_cli.runs.run_events import RunNote
from inputgrad_cli.runs.tasks.load_tasks import FailedItem, SkippedMap
from inputgrad_cli.runs.written_maps import WriteResult


@dataclass(frozen=True)
class WrittenBatch:
    """The maps of `item_count` items that are written, and not recorded yet.

    `model` is what is known of the model after them, None if that is nothing.
    """

    result: WriteResult
    item_count: int
    model: ModelFacts | None


ItemOutcome = WrittenBatch | SkippedMap | FailedItem


class ItemRunner(Protocol):
    """Loads, explains and writes items, here or elsewhere; nothing is recorded by it."""

    @property
    def messages(self) -> str:
        """Return what TensorFlow has written to stderr in this process so far."""

    @property
    def has_lost_process(self) -> bool:
        """Return whether a process has died that may have left a temporary file."""

    def run(self, order: ItemOrder) -> Iterator[ItemOutcome | RunNote]:
        """Yield what became of the items; raises what ends the run.

        Whoever takes an outcome records it before the next is taken.
        """

    def take_written(self) -> Iterator[WrittenBatch]:
        """Yield the batches that were still being written when the run was ended by an error."""

    def stop(self) -> None:
        """Wait until nothing of the run is written any more."""
