"""The chunks that are tried again because a process has died with them, and when that ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from inputgrad_cli.errors import ItemError, ModelError
from inputgrad_cli.runs.executors.chunks import Chunk
from inputgrad_cli.runs.executors.item_runner_protocol import ItemOutcome, WrittenBatch
from inputgrad_cli.runs.tasks.load_tasks import FailedItem, SkippedMap
from inputgrad_cli.supervision.worker_death_errors import CRASHED

MAX_CRASHES = 3  # of processes on one item alone, before it counts as the cause
MAX_OPENING_DEATHS = 3  # of processes in a row while the model opens, before the run ends


class Retries:
    """Chunks to be tried again. One of several items is halved until the item that kills is alone.

    The counts are our own, because a cluster that was borrowed has other limits, and ends workers
    for other reasons, too.
    """

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        self._opening_deaths = 0

    def take(self) -> Chunk | None:
        """Return the next chunk to try again, None if there is none."""
        return self._chunks.popleft() if self._chunks else None

    def clear(self) -> None:
        """Try no chunk again."""
        self._chunks.clear()

    def note_success(self) -> None:
        """Note that a process has completed a chunk, so that the model is known to open."""
        self._opening_deaths = 0

    def add(self, chunk: Chunk, death: str) -> FailedItem | None:
        """Try the rest of a chunk again; return its only item once that has failed too often.

        `death` is what its process died of.
        """
        if len(chunk.tasks) > 1:
            self._chunks.extend(chunk.halve())
        elif chunk.tasks and chunk.crashes + 1 < MAX_CRASHES:
            self._chunks.append(replace(chunk, crashes=chunk.crashes + 1))
        elif chunk.tasks:
            return _build_failure(chunk, death)
        return None

    def add_unopened(self, chunk: Chunk, death: str, log: str, model: str) -> None:
        """Try a chunk again whose process died while the model was opened. Raises ModelError."""
        self._opening_deaths += 1
        if self._opening_deaths == MAX_OPENING_DEATHS:
            error = ModelError(
                f"{model}: {MAX_OPENING_DEATHS} processes in a row died of {death} while"
                " TensorFlow started or opened the model",
                hint="look at the end of their log with -v, or open it here with --engine local",
                kind=CRASHED,
            )
            error.log = log
            raise error
        self._chunks.append(chunk)


def _build_failure(chunk: Chunk, death: str) -> FailedItem:
    """Return the failure of an item that killed every process that worked on it alone."""
    (task,) = chunk.tasks
    error = ItemError(
        f"{task.item.path}: the process that computed it died of {death}",
        reason=f"so did each of {MAX_CRASHES} processes that had no other item",
        hint="try it alone with --engine local",
        kind=CRASHED,
    )
    return FailedItem(task.item, error, tuple(item_map for item_map, _ in task.maps))


def drop_reported(chunk: Chunk, outcomes: Iterable[ItemOutcome]) -> Chunk:
    """Return the chunk with the maps alone of which the outcomes say nothing."""
    reported: set[str] = set()
    for outcome in outcomes:
        if isinstance(outcome, WrittenBatch):
            reported.update(each.stem for each in outcome.result.maps)
        elif isinstance(outcome, SkippedMap):
            reported.add(outcome.item_map.stem)
        else:
            reported.update(item_map.stem for item_map in outcome.maps)
    tasks = (
        replace(task, maps=tuple(pair for pair in task.maps if pair[0].stem not in reported))
        for task in chunk.tasks
    )
    return replace(chunk, tasks=tuple(task for task in tasks if task.maps))
