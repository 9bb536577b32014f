"""Writes the maps of batches, and tells what became of their items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import CompileError
from inputgrad_cli.runs.executors.item_runner_protocol import ItemOutcome, WrittenBatch
from inputgrad_cli.runs.executors.local import LocalExecutor
from inputgrad_cli.runs.model_holder import ModelFacts
from inputgrad_cli.runs.tasks.explain_tasks import (
    BatchFailure,
    BatchOutcome,
    BatchResult,
    ExplainTask,
    StoppedBatch,
)
from inputgrad_cli.runs.tasks.load_tasks import FailedItem
from inputgrad_cli.runs.tasks.write_tasks import yield_write_tasks
from inputgrad_cli.runs.write_task_execution import write
from inputgrad_cli.runs.written_maps import WriteResult, join_results


class BatchWriter:
    """Writes each batch while the next is computed.

    The items of a batch that failed are explained again, one by one, by `explain_alone`.
    """

    def __init__(
        self,
        executor: LocalExecutor[WriteResult],
        targets: Sequence[Target],
        explain_alone: Callable[[ExplainTask], BatchOutcome],
    ) -> None:
        requested = [rank for target in targets for rank in target.split_ranks()]
        self._target_indices = {target: index for index, target in enumerate(requested)}
        self._executor, self._explain_alone = executor, explain_alone
        self._pending: deque[tuple[int, ModelFacts | None]] = deque()

    def write(self, outcome: BatchOutcome) -> Iterator[ItemOutcome]:
        """Start to write a batch; yield what has become of items by now."""
        if isinstance(outcome, BatchResult):
            tasks = yield_write_tasks(outcome, self._target_indices)
            self._executor.write(write, tasks, nbytes=outcome.nbytes)
            self._pending.append((len(outcome.batch), outcome.model))
            yield from self.take_written(wait=False)
        elif isinstance(outcome, BatchFailure):
            yield from self._retry_one_by_one(outcome)
        elif not isinstance(outcome, StoppedBatch):  # nothing of it was done
            yield outcome

    def take_written(self, *, wait: bool) -> Iterator[WrittenBatch]:
        """Yield the batches that are written; with `wait` also those that are being written."""
        for results in self._executor.take_written(wait=wait):
            yield WrittenBatch(join_results(results), *self._pending.popleft())

    def _retry_one_by_one(self, failure: BatchFailure) -> Iterator[ItemOutcome]:
        """Explain the items of a failed batch one by one, so that only the faulty one fails."""
        task, is_uncompiled = failure.task, isinstance(failure.error, CompileError)
        if len(task.batch) > 1 and not is_uncompiled:
            for loaded in task.batch:
                yield from self.write(self._explain_alone(ExplainTask([loaded], task.size)))
            return
        if is_uncompiled:  # which may end this process, as soon as it is known
            yield from self.take_written(wait=True)
        # What cannot be compiled is the model's own code, whatever the item.
        for loaded in task.batch:
            maps = tuple(missing.item_map for missing in loaded.todo)
            yield FailedItem(loaded.item, failure.error, maps)
