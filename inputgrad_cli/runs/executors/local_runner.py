"""Takes the items of a run through all of its steps in this process, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from inputgrad_cli.runs.batch_explanation import explain
from inputgrad_cli.runs.batching import yield_batches
from inputgrad_cli.runs.executors.batch_writer import BatchWriter
from inputgrad_cli.runs.executors.item_runner_protocol import ItemOutcome, WrittenBatch
from inputgrad_cli.runs.executors.local import LocalExecutor
from inputgrad_cli.runs.inputs.crash_isolating_order import ItemOrder
from inputgrad_cli.runs.inputs.file_items import IndexedItem
from inputgrad_cli.runs.item_loading import load
from inputgrad_cli.runs.run_preparation import Preparation
from inputgrad_cli.runs.tasks import explain_tasks, load_tasks
from inputgrad_cli.runs.tasks.explain_tasks import (
    BatchFailure,
    BatchOutcome,
    BatchResult,
    BatchTask,
    ExplainTask,
)
from inputgrad_cli.runs.tasks.load_tasks import LoadTask
from inputgrad_cli.runs.written_maps import WriteResult
from inputgrad_cli.supervision.worker_state_reporting import WORKER


class LocalRunner:
    """Explains items in batches, except that items at which a process died run alone.

    `yield_tasks` makes the tasks of items; `is_halted` is asked before each item that is loaded.
    """

    has_lost_process = False  # a process that dies takes this object along

    def __init__(
        self,
        preparation: Preparation,
        yield_tasks: Callable[[Iterable[IndexedItem]], Iterator[LoadTask]],
        is_halted: Callable[[], bool],
    ) -> None:
        self._options, self._opening = preparation.plan.options, preparation.opening
        self._yield_tasks, self._is_halted = yield_tasks, is_halted
        self._executor: LocalExecutor[WriteResult] = LocalExecutor()
        self._executor.start(preparation.context, preparation.holder)
        self._writer = BatchWriter(self._executor, self._options.targets, self._explain_alone)

    @property
    def messages(self) -> str:
        """Return what TensorFlow has written to stderr so far."""
        return self._executor.messages

    def run(self, order: ItemOrder) -> Iterator[ItemOutcome]:
        """Yield what became of the items; raises what ends the run."""
        earlier = WORKER.earlier
        # These may have ended a process of this call. Alone, the next end is certainly their own.
        yield from self._run_one_at_a_time(order.first)
        size = earlier.limit_batch_size(self._opening.batch_size)
        # A process that has to take over begins with this size.
        WORKER.set_batch_limit(size)
        self._opening.limit_batch_size(size)
        if earlier.alone:
            yield from self._run_one_at_a_time(order.others)
        else:
            # If a process ends with several items under way, any of them may be the cause.
            WORKER.set_alone(len(order.others) == 1)
            for outcome in self._explain_all(self._load_batches(order.others, size)):
                yield from self._writer.write(outcome)
        yield from self._run_one_at_a_time(order.last)

    def take_written(self) -> Iterator[WrittenBatch]:
        """Yield the batches that are written, and wait for those that are being written."""
        return self._writer.take_written(wait=True)

    def stop(self) -> None:
        """Wait until nothing is written any more."""
        self._executor.stop()

    def _run_one_at_a_time(self, items: Sequence[IndexedItem]) -> Iterator[ItemOutcome]:
        """Run items one at a time, each to its end before the next is read."""
        yield from self.take_written()
        WORKER.set_alone(True)
        for indexed_item in items:
            for task in self._load_batches([indexed_item], 1):
                yield from self._writer.write(self._explain_alone(task))
            yield from self.take_written()

    def _load_batches(self, items: Sequence[IndexedItem], count: int) -> Iterator[BatchTask]:
        """Load the items, and yield them in batches of at most `count`."""
        tasks = self._yield_tasks(items)
        results = self._executor.load(load, tasks, load_tasks.estimate_bytes)
        # Samples of one file share passes, even if it is the only file at a time.
        size = self._opening.batch_size
        return yield_batches(results, items=count, size=size, stop=self._is_halted)

    def _explain_all(self, tasks: Iterator[BatchTask]) -> Iterator[BatchOutcome]:
        """Explain the loaded batches and yield the outcomes, in order.

        The first batch opens the model. After it, batches are computed in parallel if that is
        faster. With a limit on failures they run one by one, so that each is counted in time.
        """
        for task in tasks:
            yield self._explain_alone(task)
            if isinstance(task, ExplainTask):
                break
        has_limit = self._options.max_failures is not None
        threads = 0 if has_limit else self._opening.parallel_calls
        if threads:
            tasks = map(_share_processor, tasks)
        yield from map(self._follow_model, self._explain(tasks, threads))

    def _explain_alone(self, task: BatchTask) -> BatchOutcome:
        """Explain a batch while no other is under way."""
        return self._follow_model(next(self._explain([task], 0)))

    def _explain(self, tasks: Iterable[BatchTask], threads: int) -> Iterator[BatchOutcome]:
        return self._executor.explain(explain, tasks, explain_tasks.estimate_bytes, threads=threads)

    def _follow_model(self, outcome: BatchOutcome) -> BatchOutcome:
        """Return the outcome, after the run knows what it shows of the model."""
        if isinstance(outcome, (BatchResult, BatchFailure)):
            self._opening.follow(outcome.model)
        return outcome


def _share_processor(task: BatchTask) -> BatchTask:
    """Return a task that is computed together with others."""
    return replace(task, shared=True) if isinstance(task, ExplainTask) else task
