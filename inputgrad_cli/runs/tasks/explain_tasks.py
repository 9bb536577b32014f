"""Batches of loaded items, as tasks of explaining, and the results of explaining them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.attribution_assembly import Provenance
from inputgrad_cli.explanation.batch_attribution import BatchAttribution
from inputgrad_cli.runs.model_holder import ModelFacts
from inputgrad_cli.runs.tasks.load_tasks import FailedItem, LoadedItem, SkippedMap


@dataclass(frozen=True)
class ExplainTask:
    """Items to be explained together, with at most `size` samples in a pass.

    `shared` means that other batches are computed at the same time.
    """

    batch: Sequence[LoadedItem]
    size: int
    shared: bool = False

    @property
    def nbytes(self) -> int:
        """Return about how many bytes of memory the items take with their maps."""
        inputs = (array for loaded in self.batch for array in loaded.samples.arrays.values())
        # Each map is as large as its input.
        return sum(array.nbytes for array in inputs) * (1 + len(self.batch[0].todo))


@dataclass(frozen=True)
class BatchResult:
    """The attributions of each pass over a batch, their provenance, and the seconds per sample.

    `model` is what is known of the model after it.
    """

    batch: Sequence[LoadedItem]
    passes: Sequence[Sequence[BatchAttribution]]
    provenance: Provenance
    seconds: float
    model: ModelFacts | None

    @property
    def nbytes(self) -> int:
        """Return how many bytes of memory the values take."""
        return sum(
            a.nbytes
            for part in self.passes
            for attribution in part
            for a in attribution.values.values()
        )


@dataclass(frozen=True)
class BatchFailure:
    """A batch that could not be explained, because one of its items is at fault.

    `model` is what is known of the model after it, None if it has explained no samples yet.
    """

    task: ExplainTask
    error: ItemError
    model: ModelFacts | None


class SearchStoppedError(Exception):
    """A search was ended between two steps, so that its result is not that of a whole search."""


@dataclass(frozen=True)
class StoppedBatch:
    """A batch of which nothing is kept, because the run was ended before its searches were.

    So is what a process of a cluster has computed for a run that has ended meanwhile.
    """


# What needs no explanation is passed on in its place, so that results keep the order of the items.
BatchTask = ExplainTask | SkippedMap | FailedItem
BatchOutcome = BatchResult | BatchFailure | StoppedBatch | SkippedMap | FailedItem


def estimate_bytes(task: BatchTask) -> int:
    """Estimate how many bytes of memory the items of a task take with their maps."""
    return task.nbytes if isinstance(task, ExplainTask) else 0
