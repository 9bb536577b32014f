"""Takes the items of a chunk through all steps in this process, and yields what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from inputgrad_cli.runs.batch_explanation import explain
from inputgrad_cli.runs.batching import yield_batches
from inputgrad_cli.runs.executors.batch_writer import BatchWriter
from inputgrad_cli.runs.executors.item_runner_protocol import ItemOutcome, WrittenBatch
from inputgrad_cli.runs.executors.local import LocalExecutor
from inputgrad_cli.runs.item_loading import load
from inputgrad_cli.runs.model_holder import ModelHolder
from inputgrad_cli.runs.tasks import load_tasks
from inputgrad_cli.runs.tasks.explain_tasks import (
    BatchOutcome,
    BatchResult,
    BatchTask,
    ExplainTask,
    StoppedBatch,
)
from inputgrad_cli.runs.tasks.load_tasks import LoadTask
from inputgrad_cli.runs.tasks.run_context import RunContext
from inputgrad_cli.runs.written_maps import WriteResult, join_results


class ChunkRunner:
    """Loads, explains and writes the items of one chunk after the other; nothing is recorded here.

    `stop` is asked before each batch is computed, and again before it is written. `on_open` is
    called once the model is open.
    """

    def __init__(
        self,
        context: RunContext,
        model: ModelHolder,
        stop: Callable[[], bool],
        on_open: Callable[[], None],
    ) -> None:
        self._executor: LocalExecutor[WriteResult] = LocalExecutor()
        self._executor.start(context, model)
        self._writer = BatchWriter(self._executor, context.plan.options.targets, self._explain)
        self._size = context.schedule.batch_size
        self._model, self._stop, self._on_open = model, stop, on_open
        self._is_open = False

    def run(self, tasks: Sequence[LoadTask]) -> Iterator[ItemOutcome]:
        """Yield what became of the items, as soon as it is on disk; raises what ends a run."""
        results = self._executor.load(load, tasks, load_tasks.estimate_bytes)
        batches = yield_batches(results, items=self._size, size=self._size, stop=self._stop)
        try:
            for task in batches:
                yield from _raise_errors(self._writer.write(self._explain(task)))
        except Exception:  # what is written is reported, whatever ends the run
            yield from _raise_errors(self._writer.take_written(wait=True))
            raise
        yield from _raise_errors(self._writer.take_written(wait=True))

    def _explain(self, task: BatchTask) -> BatchOutcome:
        if isinstance(task, ExplainTask) and not self._is_open:
            _ = self._model.model
            self._is_open = True
            self._on_open()
        outcome = explain(task)
        is_late = isinstance(outcome, BatchResult) and self._stop()
        return StoppedBatch() if is_late else outcome


def _raise_errors(outcomes: Iterable[ItemOutcome]) -> Iterator[ItemOutcome]:
    """Yield the outcomes; raise the error of a batch after what was written before it."""
    for outcome in outcomes:
        if isinstance(outcome, WrittenBatch) and (error := outcome.result.error):
            yield replace(outcome, result=WriteResult(outcome.result.maps))
            raise error
        yield outcome


def join_batches(outcomes: Sequence[ItemOutcome]) -> Iterator[ItemOutcome]:
    """Yield the outcomes with all batches as one at the end, to be recorded at once.

    To record a batch takes some syncs of the disk, and one reading of all pending names.
    """
    batches = [outcome for outcome in outcomes if isinstance(outcome, WrittenBatch)]
    yield from (outcome for outcome in outcomes if not isinstance(outcome, WrittenBatch))
    if batches:
        models = [batch.model for batch in batches if batch.model]
        yield WrittenBatch(
            join_results([batch.result for batch in batches]),
            sum(batch.item_count for batch in batches),
            models[-1] if models else None,
        )
