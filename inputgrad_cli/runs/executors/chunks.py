"""Chunks of items: as many as a worker takes at a time, by what they cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inputgrad_cli.runs.planning.execution_mode_costs import estimate_seconds
from inputgrad_cli.runs.planning.mode_and_batch_size import ASSUMED_CLASSES
from inputgrad_cli.runs.planning.run_plan import (
    Plan,
    estimate_samples,
    estimate_work,
    list_gradients,
)
from inputgrad_cli.runs.tasks.load_tasks import LoadTask

# A killed worker loses the work of one chunk, and the driver spends some milliseconds on each.
CHUNK_SECONDS = 2.0
MAX_CHUNKS_PER_SECOND = 50  # of all workers; the driver can hand out a few times as many
ITEM_SECONDS = 0.005  # of reading a small picture, drawing and writing its map
MAX_CHUNK = 256  # items, whose records return together
CHUNKS_PER_SLOT = 4  # at least, so that no worker is idle for long at the end of a run


@dataclass(frozen=True)
class Chunk:
    """Items that a worker takes together.

    `crashes` is how many processes have died while they worked on exactly these items.
    """

    tasks: tuple[LoadTask, ...]
    crashes: int = 0

    def halve(self) -> tuple[Chunk, ...]:
        """Return the halves of a chunk of several items."""
        middle = len(self.tasks) // 2
        return Chunk(self.tasks[:middle]), Chunk(self.tasks[middle:])


def choose_chunk_size(plan: Plan, slots: int) -> int:
    """Return about how many samples a chunk has if `slots` workers share the run."""
    schedule, gradients = plan.schedule, list_gradients(plan)
    units = sum(ASSUMED_CLASSES if spec.target.is_jacobian else 1 for spec in plan.maps)
    per_sample = max(1, sum(gradients) * units // max(1, len(gradients)))
    # The samples of a whole pass: fewer would leave a part of it empty.
    whole = max(1, math.ceil(schedule.batch_size / per_sample))
    sample_seconds = ITEM_SECONDS + per_sample * _estimate_gradient_seconds(plan)
    seconds = max(CHUNK_SECONDS, slots / MAX_CHUNKS_PER_SECOND)
    size = min(MAX_CHUNK, seconds / sample_seconds)
    size = min(size, len(plan.share) / (CHUNKS_PER_SLOT * max(1, slots)))
    return whole * max(1, round(size / whole))


def _estimate_gradient_seconds(plan: Plan) -> float:
    """Estimate the seconds of one more gradient, apart from what a run costs once."""
    schedule, work = plan.schedule, estimate_work(plan)
    few, many = (
        estimate_seconds(
            schedule.mode,
            work,
            batches * schedule.batch_size,
            schedule.batch_size,
            schedule.kernels,
        )
        for batches in (1, 2)
    )
    return (many - few) / schedule.batch_size


def yield_chunks(tasks: Iterable[LoadTask], plan: Plan, size: int) -> Iterator[Chunk]:
    """Yield the items in chunks of about `size` samples; a file of more is a chunk of its own."""
    waiting: list[LoadTask] = []
    total = 0
    for task in tasks:
        samples = estimate_samples(plan, task.item)
        if waiting and (total + samples > size or len(waiting) >= MAX_CHUNK):
            yield Chunk(tuple(waiting))
            waiting, total = [], 0
        waiting.append(task)
        total += samples
    if waiting:
        yield Chunk(tuple(waiting))
