"""Runs a plan from its first item to the summary. Yields events and prints nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from inputgrad_cli.errors import CompileError
from inputgrad_cli.interfaces.engine import NO_PROGRESS, ProgressCallbacks
from inputgrad_cli.interfaces.picture import MAX_SAMPLES
from inputgrad_cli.runs.events_across_restarts import EarlierEvents
from inputgrad_cli.runs.executors.item_runner_protocol import ItemOutcome, ItemRunner, WrittenBatch
from inputgrad_cli.runs.executors.local_runner import LocalRunner
from inputgrad_cli.runs.inputs.crash_isolating_order import order_items
from inputgrad_cli.runs.inputs.file_items import IndexedItem
from inputgrad_cli.runs.inputs.item_map_files import list_item_maps
from inputgrad_cli.runs.item_counts import RunCounts
from inputgrad_cli.runs.item_event_fields import build_stored_failure
from inputgrad_cli.runs.journal_recorder import Recorded
from inputgrad_cli.runs.optimization.result_summary import SearchReport, report_searches
from inputgrad_cli.runs.pictures.style_change_redrawing import PictureUpdater
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.runs.run_events import (
    Event,
    ItemEvent,
    RunNote,
    RunStart,
    Summary,
    to_error_fields,
)
from inputgrad_cli.runs.run_preparation import Preparation, prepare_run, read_earlier
from inputgrad_cli.runs.run_warnings import yield_run_warnings
from inputgrad_cli.runs.tasks.load_tasks import (
    FailedItem,
    LoadTask,
    SkippedMap,
    yield_load_tasks,
)
from inputgrad_cli.runs.written_maps import WrittenMap
from inputgrad_cli.storage.output_directory_lock import RunLock
from inputgrad_cli.storage.shard_file_names import to_tag
from inputgrad_cli.supervision.shared_memory_page import Stage
from inputgrad_cli.supervision.worker_state_reporting import WORKER
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
        self._runner: ItemRunner | None = None

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
            self._stop_runner(lock)
            lock.release()
        WORKER.enter_stage(Stage.ENDING)
        yield self.build_summary()

    @property
    def captured_output(self) -> str:
        """Return what TensorFlow has written to stderr so far."""
        return self._runner.messages if self._runner else ""

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
        yield from keep_new(yield_run_warnings(self.plan))
        self._runner = runner = self._make_runner(preparation)
        try:
            for outcome in self._yield_outcomes(runner):
                yield from self._record(outcome)
        except Exception:  # maps that are written are recorded, whatever ends the run
            for batch in runner.take_written():
                yield from self._record_batch(batch)
            raise
        journal.pending.remove(())  # an empty list goes, too
        preparation.opening.finish()
        yield from self._finish_pictures(preparation.pictures)
        if not self._stop():
            self._search_report = report_searches(self.plan, journal)
            yield from keep_new(self._search_report.warnings)

    def _make_runner(self, preparation: Preparation) -> ItemRunner:
        """Return what takes the items through all steps: this process, or a cluster."""
        if self.plan.options.cluster is None:
            return LocalRunner(preparation, self._yield_tasks, self._is_halted)
        # Imported here, because a run in this process needs nothing of it.
        from inputgrad_cli.runs.executors.dask import DaskRunner

        return DaskRunner(preparation, self._yield_tasks, self._is_halted)

    def _stop_runner(self, lock: RunLock) -> None:
        """Wait for what is still being written, which must end before the lock is released."""
        if self._runner:
            self._runner.stop()
            if self._runner.has_lost_process:
                lock.remove_temporary_files()

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

    def _yield_outcomes(self, runner: ItemRunner) -> Iterator[ItemOutcome | RunNote]:
        """Yield what became of the items, those that killed a process of this call first."""
        maps, finished_stems = self.plan.maps, self._earlier_events.stems
        order = order_items(self.plan, WORKER.earlier, finished_stems, self._journal.crashed_stems)
        self._progress.done += order.finished_count
        for item, error in order.crashed:
            if remaining := tuple(
                item_map
                for item_map in list_item_maps(item, maps)
                if item_map.stem not in finished_stems
            ):
                yield FailedItem(item, error, remaining)
        yield from runner.run(order)

    def _yield_tasks(self, items: Iterable[IndexedItem]) -> Iterator[LoadTask]:
        stems = self._earlier_events.stems
        return yield_load_tasks(items, self.plan.maps, self._journal.lines, stems)

    def _is_halted(self) -> bool:
        limit = self.plan.options.max_failures
        return self._stop() or (limit is not None and len(self._failed_items) >= limit)

    def _record(self, outcome: ItemOutcome | RunNote) -> Iterator[Event]:
        """Record what became of items, count them, and yield the events."""
        if isinstance(outcome, RunNote):
            yield from self._earlier_events.keep_new([outcome])
        elif isinstance(outcome, WrittenBatch):
            yield from self._record_batch(outcome)
        elif isinstance(outcome, SkippedMap):
            yield from self._report(self._recorder.record(outcome))
            if self._progress.count_skipped(outcome.item_map.item.name):
                yield self._progress.get_progress()
        else:
            if isinstance(outcome.error, CompileError):
                # Another process carries on, with kernels that can run this model eagerly.
                WORKER.request_restart()
            yield from self._report(self._recorder.record(outcome))
            yield self._progress.count_batch(1)

    def _report(self, recorded: Recorded) -> Iterator[Event]:
        """Count the unmet checks of maps that are recorded, and yield their events."""
        self._counts["unmet"] += recorded.unmet
        yield from self._earlier_events.keep_new(recorded.events, recorded.stems, recorded.unmet)

    def _record_batch(self, batch: WrittenBatch) -> Iterator[Event]:
        """Record the maps of a batch that is written, and raise the error that ended it."""
        yield from self._earlier_events.keep_new(self._opening.take_warnings())
        yield from self._report(self._recorder.record(batch.result))
        if batch.result.error:
            raise batch.result.error
        yield self._progress.count_batch(batch.item_count)
        yield from self._note_missing_pictures(batch.result.maps)

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
