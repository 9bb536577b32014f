"""Runs a plan from its first item to the summary. Yields events and prints nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from inputgrad_cli.errors import CompileError
from inputgrad_cli.interfaces.engine import NO_PROGRESS, ProgressCallbacks
from inputgrad_cli.interfaces.picture import MAX_SAMPLES
from inputgrad_cli.runs.counts import RunCounts
from inputgrad_cli.runs.diagnostics import yield_run_warnings
from inputgrad_cli.runs.earlier_events import EarlierEvents
from inputgrad_cli.runs.events import (
    Event,
    ItemEvent,
    RunNote,
    RunStart,
    Summary,
    to_error_fields,
)
from inputgrad_cli.runs.executors.batch_runner import BatchRunner
from inputgrad_cli.runs.executors.local import LocalExecutor
from inputgrad_cli.runs.inputs.item_maps import list_item_maps
from inputgrad_cli.runs.inputs.item_order import IndexedItem, order_items
from inputgrad_cli.runs.item_fields import build_stored_failure
from inputgrad_cli.runs.pictures.update_pictures import PictureUpdater
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.runs.preparation import prepare_run, read_earlier
from inputgrad_cli.runs.record import Recorded
from inputgrad_cli.runs.searches.search_report import SearchReport, report_searches
from inputgrad_cli.runs.tasks.explain_tasks import (
    BatchFailure,
    BatchOutcome,
    BatchResult,
    ExplainTask,
    StoppedBatch,
)
from inputgrad_cli.runs.tasks.load_tasks import FailedItem, SkippedMap
from inputgrad_cli.runs.tasks.write_tasks import yield_write_tasks
from inputgrad_cli.runs.write import WriteResult, WrittenMap, join_results, write
from inputgrad_cli.storage.lock import RunLock
from inputgrad_cli.storage.shards import to_tag
from inputgrad_cli.supervision.shared_page import Stage
from inputgrad_cli.supervision.worker import WORKER
from inputgrad_cli.version import __version__


class Run:
    """Carries out a plan: loads, explains, writes and records its items, and counts them."""

    def __init__(
        self,
        plan: Plan,
        stop: Callable[[], bool] = lambda: False,
        callbacks: ProgressCallbacks = NO_PROGRESS,
        earlier_events: EarlierEvents | None = None,
    ) -> None:
        self.plan = plan
        self._earlier_events = earlier_events or EarlierEvents()
        self._callbacks = callbacks
        self._progress = RunCounts(len(plan.share), len(plan.maps))
        self._stop = stop
        self._counts = self._earlier_events.count_events()
        self._failed_items = self._earlier_events.list_failed_inputs()
        self._is_picture_note_sent = False
        self._search_report = SearchReport()
        self._executor: LocalExecutor[WriteResult] = LocalExecutor()
        requested = [target for target in plan.options.targets for target in target.split_ranks()]
        self._target_indices = {target: index for index, target in enumerate(requested)}

    def yield_events(self) -> Iterator[Event]:
        """Yield the events of the run; the last is the summary. Raises errors that end the run."""
        plan = self.plan
        WORKER.enter_stage(Stage.COMPUTING, str(plan.options.model))
        start = RunStart(__version__, str(plan.options.model), len(plan.share))
        yield from self._earlier_events.keep_new([start])
        # Another run may not write into the same directory, or the same shard of it.
        lock = RunLock(plan.options.out, to_tag(plan.options.shard))
        try:
            for event in self._run_all():
                if isinstance(event, ItemEvent):
                    self._count(event)
                yield event
        finally:
            # Threads may still be writing files, so the lock is released after them.
            self._executor.stop()
            lock.release()
        WORKER.enter_stage(Stage.ENDING)
        yield self.build_summary()

    @property
    def captured_output(self) -> str:
        """Return what TensorFlow has written to stderr so far."""
        return self._executor.messages

    def build_summary(self, exit_code: int | None = None) -> Summary:
        """Build the summary so far; without `exit_code` the exit code follows from the counts."""
        counts = self._counts
        if exit_code is None:
            is_unmet = counts["unmet"] and self.plan.options.strict
            unmet = 1 if is_unmet or self._search_report.failures else 0
            # An item that has failed outweighs checks and gates that do not hold.
            exit_code = 3 if counts["failed"] else unmet
        seconds = time.monotonic() - self._earlier_events.began
        return Summary(
            counts["ok"],
            counts["failed"],
            counts["skipped"],
            seconds,
            exit_code,
            self._search_report.summaries,
        )

    def _count(self, event: ItemEvent) -> None:
        self._counts[event.status] += 1
        if event.status == "failed":
            self._failed_items.add(event.fields["input"])

    def _run_all(self) -> Iterator[Event]:
        keep_new = self._earlier_events.keep_new
        earlier = read_earlier(self.plan)
        self._journal = journal = earlier.journal
        if journal.is_torn:
            message = f"{journal.path}: its last line was cut short; that map is computed again"
            yield from keep_new([RunNote(message)])
        journal.forget_intact_files()
        # May open the model.
        preparation = prepare_run(self.plan, earlier, self._callbacks, self._stop)
        self.plan, self._opening = preparation.plan, preparation.opening
        self._recorder = preparation.recorder
        self._executor.start(preparation.context, preparation.holder)
        self._batches = BatchRunner(
            self._executor,
            self.plan,
            self._opening,
            journal,
            self._earlier_events.stems,
            self._is_halted,
        )
        yield from keep_new(yield_run_warnings(self.plan))
        try:
            yield from self._run_items()
        except Exception:  # maps that are written are recorded, whatever ends the run
            yield from self._record_written()
            raise
        yield from self._record_written()
        journal.pending.remove(())  # an empty list goes, too
        preparation.opening.finish()
        yield from self._finish_pictures(preparation.pictures)
        if not self._stop():
            self._search_report = report_searches(self.plan, journal)
            yield from keep_new(self._search_report.warnings)

    def _finish_pictures(self, pictures: PictureUpdater) -> Iterator[Event]:
        """Draw the pictures that need all maps, and yield what is to be said of them."""
        failed = pictures.finish(self._stop)
        events: list[Event] = [
            ItemEvent(build_stored_failure(line, to_error_fields(error))) for line, error in failed
        ]
        if count := pictures.count:
            events.append(RunNote(f"{count} pictures were drawn again, from their arrays"))
        if count := pictures.grid_count:
            subject = "a picture" if count == 1 else f"{count} pictures"
            message = f"drew {subject} of all maps of an input: {self.plan.options.out}/*.grid.png"
            events.append(RunNote(message, loud=True))
        yield from self._earlier_events.keep_new(events)

    def _run_items(self) -> Iterator[Event]:
        """Run all items in batches, except that items at which a process died run alone."""
        earlier, maps, finished_stems = WORKER.earlier, self.plan.maps, self._earlier_events.stems
        order = order_items(self.plan, earlier, finished_stems, self._journal.crashed_stems)
        self._progress.done += order.finished_count
        for item, error in order.crashed:
            if remaining := tuple(
                item_map
                for item_map in list_item_maps(item, maps)
                if item_map.stem not in finished_stems
            ):
                yield from self._record_failed(FailedItem(item, error, remaining))
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
            tasks = self._batches.load_batches(order.others, size)
            for outcome in self._batches.explain_all(tasks):
                yield from self._handle_outcome(outcome)
        yield from self._run_one_at_a_time(order.last)

    def _run_one_at_a_time(self, items: Sequence[IndexedItem]) -> Iterator[Event]:
        """Run items one at a time, each to its end before the next is read."""
        yield from self._record_written()
        WORKER.set_alone(True)
        for indexed_item in items:
            for task in self._batches.load_batches([indexed_item], 1):
                yield from self._handle_outcome(self._batches.explain_alone(task))
            yield from self._record_written()

    def _is_halted(self) -> bool:
        limit = self.plan.options.max_failures
        return self._stop() or (limit is not None and len(self._failed_items) >= limit)

    def _handle_outcome(self, outcome: BatchOutcome) -> Iterator[Event]:
        if isinstance(outcome, SkippedMap):
            yield from self._report(self._recorder.record(outcome))
            if self._progress.count_skipped(outcome.item_map.item.name):
                yield self._progress.get_progress()
        elif isinstance(outcome, FailedItem):
            yield from self._record_failed(outcome)
        elif not isinstance(outcome, StoppedBatch):  # nothing of it was done
            self._opening.follow(outcome.model)
            if isinstance(outcome, BatchResult):
                yield from self._queue_writing(outcome)
            else:
                yield from self._retry_one_by_one(outcome)

    def _report(self, recorded: Recorded) -> Iterator[Event]:
        """Count the unmet checks of maps that are recorded, and yield their events."""
        self._counts["unmet"] += recorded.unmet
        yield from self._earlier_events.keep_new(recorded.events, recorded.stems, recorded.unmet)

    def _record_failed(self, failed_item: FailedItem) -> Iterator[Event]:
        yield from self._report(self._recorder.record(failed_item))
        self._progress.done += 1
        yield self._progress.get_progress()

    def _queue_writing(self, result: BatchResult) -> Iterator[Event]:
        yield from self._earlier_events.keep_new(self._opening.take_warnings())
        self._progress.pending_batches.append(len(result.batch))
        tasks = yield_write_tasks(result, self._target_indices)
        self._executor.write(write, tasks, nbytes=result.nbytes)
        yield from self._record_written(wait=False)

    def _retry_one_by_one(self, failure: BatchFailure) -> Iterator[Event]:
        """Run the items of a failed batch one by one, so that only the faulty item fails."""
        # Another process carries on, with kernels that can run this model eagerly.
        if isinstance(failure.error, CompileError):
            yield from self._record_written()
            WORKER.request_restart()
        task = failure.task
        if len(task.batch) == 1:
            loaded = task.batch[0]
            maps = tuple(missing.item_map for missing in loaded.todo)
            yield from self._record_failed(FailedItem(loaded.item, failure.error, maps))
            return
        for loaded in task.batch:
            yield from self._handle_outcome(
                self._batches.explain_alone(ExplainTask([loaded], task.size))
            )

    def _record_written(self, *, wait: bool = True) -> Iterator[Event]:
        """Record the batches that are written; with `wait` also those that are being written."""
        for results in self._executor.take_written(wait=wait):
            result = join_results(results)
            yield from self._report(self._recorder.record(result))
            if result.error:
                raise result.error
            yield self._progress.count_batch()
            yield from self._note_missing_pictures(result.maps)

    def _note_missing_pictures(self, written_maps: Sequence[WrittenMap]) -> Iterator[Event]:
        """Note once per run that no kind of picture fits the computed maps."""
        bare = [m for m in written_maps if m.line.get("files") and not m.line["drawn"]]
        if bare and self.plan.options.style and not self._is_picture_note_sent:
            self._is_picture_note_sent = True
            message = _explain_missing_pictures(bare)
            yield from self._earlier_events.keep_new([RunNote(message, loud=True)])


def _explain_missing_pictures(written_maps: Sequence[WrittenMap]) -> str:
    """Return why maps were written without pictures."""
    if all(written_map.limited for written_map in written_maps):
        kinds = dict.fromkeys(kind for m in written_maps for kind in m.limited)
        limit = f"no picture is drawn of files with more than {MAX_SAMPLES} samples"
        return f"{limit}; --picture {' or '.join(kinds)} draws one of each"
    return "no kind of picture serves these inputs yet: none is drawn"
