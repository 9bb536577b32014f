"""Combines loaded items into batches, and batches into the chunks of one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.samples import Samples, join_samples
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.ragged_arrays import count_equal_shapes
from inputgrad_cli.runs.tasks.explain_tasks import BatchTask, ExplainTask
from inputgrad_cli.runs.tasks.load_tasks import LoadedItem, LoadResult


def yield_batches(
    results: Iterable[Iterable[LoadResult]],
    *,
    items: int,
    size: int,
    stop: Callable[[], bool],
) -> Iterator[BatchTask]:
    """Yield batches of at most `items` items of one shape; a file of many samples is a batch.

    A pass has at most `size` samples of a file of many. What is not to be explained is passed on in
    its place. After `stop` nothing more is yielded.
    """
    batch: list[LoadedItem] = []
    for item_results in results:
        if stop():
            return
        for loaded in item_results:
            if not isinstance(loaded, LoadedItem):
                yield loaded
                continue
            # A batch ends where the shape changes, so that items keep their order.
            if batch and (loaded.fills_batch or batch[0].batch_key != loaded.batch_key):
                yield ExplainTask(batch, items)
                batch = []
            batch.append(loaded)
            if loaded.fills_batch or len(batch) == items:
                yield ExplainTask(batch, size if loaded.fills_batch else items)
                batch = []
    if batch:
        yield ExplainTask(batch, items)


@dataclass(frozen=True)
class Chunk:
    """Samples that are explained together, with their true values and targets, if any."""

    samples: Samples
    truth: Array | None
    targets: tuple[Target, ...] | None


def yield_chunks(batch: Sequence[LoadedItem], size: int) -> Iterator[Chunk]:
    """Yield the usable samples of a batch in chunks of at most `size`.

    The samples of a chunk have one target and one shape.
    """
    samples = join_samples([loaded.samples for loaded in batch])
    truths = [loaded.truth for loaded in batch if loaded.truth is not None]
    truth = np.concatenate(truths) if truths else None
    usable = samples.usable_rows
    targets_by_row = batch[0].targets if batch[0].fills_batch else None
    start = 0
    while start < len(usable):
        rows = usable[start : start + size]
        targets = targets_by_row[rows[0]] if targets_by_row else (batch[0].targets or (None,))[0]
        # A pass has one target, so it is cut before the first sample that has another.
        rows = rows[
            : next(
                (
                    count
                    for count, row in enumerate(rows)
                    if targets_by_row and targets_by_row[row] != targets
                ),
                size,
            )
        ]
        # Samples of a ragged file may differ in shape; a chunk ends where the shape changes.
        rows = rows[: count_equal_shapes(list(samples.arrays.values()), rows)]
        start += len(rows)
        yield Chunk(samples.select_rows(rows), None if truth is None else truth[rows], targets)
