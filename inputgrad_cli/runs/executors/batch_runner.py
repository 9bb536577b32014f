"""Loads the items of a run in batches, and explains them through an executor, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from inputgrad_cli.runs.batching import yield_batches
from inputgrad_cli.runs.executors.local import LocalExecutor
from inputgrad_cli.runs.explain import explain
from inputgrad_cli.runs.inputs.item_order import IndexedItem
from inputgrad_cli.runs.load import load
from inputgrad_cli.runs.opening import Opening
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.runs.tasks import explain_tasks, load_tasks
from inputgrad_cli.runs.tasks.explain_tasks import BatchOutcome, BatchTask, ExplainTask
from inputgrad_cli.runs.tasks.load_tasks import yield_load_tasks
from inputgrad_cli.runs.write import WriteResult
from inputgrad_cli.storage.journal import Journal


@dataclass(frozen=True)
class BatchRunner:
    """Loads and explains items; `stop` is asked before each item that is loaded.

    `finished_stems` are the stems of maps that this call has reported already; more are added while
    it runs.
    """

    executor: LocalExecutor[WriteResult]
    plan: Plan
    opening: Opening
    journal: Journal
    finished_stems: Set[str]
    stop: Callable[[], bool]

    def load_batches(self, items: Sequence[IndexedItem], count: int) -> Iterator[BatchTask]:
        """Load the items, and yield them in batches of at most `count`."""
        lines, finished_stems = self.journal.lines, self.finished_stems
        tasks = yield_load_tasks(items, self.plan.maps, lines, finished_stems)
        results = self.executor.load(load, tasks, load_tasks.estimate_bytes)
        # Samples of one file share passes, even if it is the only file at a time.
        size = self.opening.batch_size
        return yield_batches(results, items=count, size=size, stop=self.stop)

    def explain_all(self, tasks: Iterator[BatchTask]) -> Iterator[BatchOutcome]:
        """Explain the loaded batches and yield the outcomes, in order.

        The first batch opens the model. After it, batches are computed in parallel if that is
        faster. With a limit on failures they run one by one, so that each is counted in time.
        """
        for task in tasks:
            yield self.explain_alone(task)
            if isinstance(task, ExplainTask):
                break
        has_limit = self.plan.options.max_failures is not None
        threads = 0 if has_limit else self.opening.parallel_calls
        if threads:
            tasks = map(_share_processor, tasks)
        yield from self.executor.explain(
            explain, tasks, explain_tasks.estimate_bytes, threads=threads
        )

    def explain_alone(self, task: BatchTask) -> BatchOutcome:
        """Explain a batch while no other is under way."""
        weight = explain_tasks.estimate_bytes
        return next(self.executor.explain(explain, [task], weight, threads=0))


def _share_processor(task: BatchTask) -> BatchTask:
    """Return a task that is computed together with others."""
    return replace(task, shared=True) if isinstance(task, ExplainTask) else task
