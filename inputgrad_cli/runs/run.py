"""Runs a plan from its first item to the summary. Yields events and prints nothing."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from inputgrad_cli import api
from inputgrad_cli.errors import CompileError
from inputgrad_cli.interfaces.engine import NO_PROGRESS, ProgressCallbacks
from inputgrad_cli.runs.batching import yield_batches
from inputgrad_cli.runs.counts import RunCounts
from inputgrad_cli.runs.diagnostics import (
    yield_output_warnings,
    yield_run_warnings,
    yield_target_warnings,
)
from inputgrad_cli.runs.earlier_events import EarlierEvents
from inputgrad_cli.runs.events import (
    Event,
    ItemEvent,
    RunNote,
    RunStart,
    RunWarning,
    Summary,
)
from inputgrad_cli.runs.executors.local import LocalExecutor
from inputgrad_cli.runs.explain_batches import (
    BatchExplainer,
    BatchFailure,
    BatchResult,
    build_fingerprint_facts,
)
from inputgrad_cli.runs.inputs.item_maps import list_item_maps
from inputgrad_cli.runs.inputs.item_order import IndexedItem, order_items
from inputgrad_cli.runs.inputs.loader import (
    FailedItem,
    ItemAnnotations,
    LoadedItem,
    Loader,
    SkippedMap,
    estimate_bytes,
)
from inputgrad_cli.runs.pictures.update_pictures import PictureUpdater
from inputgrad_cli.runs.planning.pixel_record import build_pixel_record
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.runs.planning.required_inputs import refuse_unknown_inputs
from inputgrad_cli.runs.planning.schedule import Schedule, build_schedule_record, resume_schedule
from inputgrad_cli.runs.record import Recorded, Recorder
from inputgrad_cli.runs.run_record import refuse_other_model, write_run
from inputgrad_cli.runs.write import WriteResult, WrittenMap, join_results, write
from inputgrad_cli.runs.write_tasks import yield_write_tasks
from inputgrad_cli.runs.writer import OutputWriter
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.lock import RunLock
from inputgrad_cli.storage.run_record import read_runs, select_run
from inputgrad_cli.storage.shards import to_tag
from inputgrad_cli.supervision.shared_page import Stage
from inputgrad_cli.supervision.worker import WORKER
from inputgrad_cli.version import __version__

BatchOutcome = BatchResult | BatchFailure | SkippedMap | FailedItem


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
        self._model: api.Model | None = None
        self._stop = stop
        self._counts = self._earlier_events.count_events()
        self._failed_items = self._earlier_events.list_failed_inputs()
        self._pending_events: list[Event] = []
        self._is_picture_note_sent = False
        self._is_memory_short = False
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
            self._executor.stop()
            lock.release()
        WORKER.enter_stage(Stage.ENDING)
        yield self.build_summary()

    @property
    def captured_output(self) -> str:
        """Return what TensorFlow has written to stderr so far."""
        return self._model.messages if self._model else ""

    def build_summary(self, exit_code: int | None = None) -> Summary:
        """Build the summary so far; without `exit_code` the exit code follows from the counts."""
        counts = self._counts
        if exit_code is None:
            unmet = 1 if counts["unmet"] and self.plan.options.strict else 0
            exit_code = 3 if counts["failed"] else unmet
        seconds = time.monotonic() - self._earlier_events.began
        return Summary(counts["ok"], counts["failed"], counts["skipped"], seconds, exit_code)

    def _count(self, event: ItemEvent) -> None:
        self._counts[event.status] += 1
        if event.status == "failed":
            self._failed_items.add(event.fields["input"])

    def _run_all(self) -> Iterator[Event]:
        plan, options = self.plan, self.plan.options
        refuse_other_model(plan)
        tag = to_tag(options.shard)
        earlier = select_run(read_runs(options.out), tag)
        self._earlier = earlier
        self._schedule = schedule = resume_schedule(options, plan.schedule, plan.maps, earlier)
        self._journal = Journal(options.out, options.on_exists != "overwrite", tag)
        if self._journal.is_torn:
            note = RunNote(
                f"{self._journal.path}: its last line was cut short; that map is computed again"
            )
            yield from self._earlier_events.keep_new([note])
        self._journal.forget_intact_files()
        self._output = OutputWriter(
            options.out,
            options.style,
            options.on_exists == "overwrite",
            self._journal.own_files,
            self._journal.pending,
        )
        self._explainer = BatchExplainer(plan, schedule, self._handle_opened_model, self._callbacks)
        self._explainer.resolve_pixels(earlier)  # may open the model
        self.plan = plan = self._explainer.plan
        specs = self._explainer.list_inputs()
        refuse_unknown_inputs(options, specs)  # those of a model whose file does not name them
        reading = replace(plan.build_reading(specs), folder=options.out)
        self._picture_updater = PictureUpdater(plan, self._journal, reading)
        self._recorder = Recorder(options.out, self._journal, self._picture_updater)
        annotations = ItemAnnotations(
            plan.truth, options.targets, plan.target_files, plan.labels, plan.masks
        )
        finished_stems = self._earlier_events.stems
        loader = Loader(
            reading,
            plan.maps,
            self._journal,
            build_fingerprint_facts(plan),
            annotations,
            finished_stems,
        )
        yield from self._earlier_events.keep_new(yield_run_warnings(plan))
        try:
            yield from self._run_items(loader, schedule)
        except Exception:  # maps that are written are recorded, whatever ends the run
            yield from self._record_written()
            raise
        yield from self._record_written()
        self._journal.pending.remove(())  # an empty list goes, too
        # The model was never needed, but a new directory still gets its record.
        if self._model is None and tag not in read_runs(options.out):
            self._write_run()
        self._picture_updater.finish(self._stop())
        if self._picture_updater.count:
            note = RunNote(
                f"{self._picture_updater.count} pictures were drawn again, from their arrays"
            )
            yield from self._earlier_events.keep_new([note])

    def _run_items(self, loader: Loader, schedule: Schedule) -> Iterator[Event]:
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
        yield from self._run_one_at_a_time(loader, order.first)
        size = earlier.limit_batch_size(schedule.batch_size)
        WORKER.set_batch_limit(size)
        self._schedule = replace(self._schedule, batch_size=size)
        if earlier.alone:
            yield from self._run_one_at_a_time(loader, order.others)
        else:
            WORKER.set_alone(len(order.others) == 1)
            self._explainer.resize(size)
            for outcome in self._explain_batches(self._load_batches(loader, order.others, size)):
                yield from self._handle_outcome(outcome)
        yield from self._run_one_at_a_time(loader, order.last)

    def _run_one_at_a_time(self, loader: Loader, items: Sequence[IndexedItem]) -> Iterator[Event]:
        """Run items one at a time, each to its end before the next is read."""
        yield from self._record_written()
        WORKER.set_alone(True)
        for indexed_item in items:
            for outcome in self._load_batches(loader, [indexed_item], 1):
                if isinstance(outcome, list):  # samples of one file still share passes
                    many = outcome[0].fills_batch
                    self._explainer.resize(self._schedule.batch_size if many else 1)
                yield from self._handle_outcome(self._explain(outcome))
            yield from self._record_written()

    def _load_batches(
        self, loader: Loader, items: Sequence[IndexedItem], size: int
    ) -> Iterator[list[LoadedItem] | SkippedMap | FailedItem]:
        results = self._executor.load(loader.read, items, estimate_bytes)
        return yield_batches(results, size, self._is_halted)

    def _handle_outcome(self, outcome: BatchOutcome) -> Iterator[Event]:
        if isinstance(outcome, SkippedMap):
            yield from self._report(self._recorder.record(outcome))
            if self._progress.count_skipped(outcome.item_map.item.name):
                yield self._progress.get_progress()
        elif isinstance(outcome, FailedItem):
            yield from self._record_failed(outcome)
        else:
            yield from self._queue_writing(outcome)

    def _report(self, recorded: Recorded) -> Iterator[Event]:
        """Count the unmet checks of maps that are recorded, and yield their events."""
        self._counts["unmet"] += recorded.unmet
        yield from self._earlier_events.keep_new(recorded.events, recorded.stems, recorded.unmet)

    def _explain_batches(
        self, batches: Iterator[list[LoadedItem] | SkippedMap | FailedItem]
    ) -> Iterator[BatchOutcome]:
        """Explain the loaded batches and yield the outcomes, in order.

        The first batch opens the model. After it, batches are computed in parallel if that is
        faster. With a limit on failures they run one by one, so that each is counted in time.
        """
        for outcome in batches:
            yield self._explain(outcome)
            if isinstance(outcome, list):
                break
        threads = (
            0 if self.plan.options.max_failures is not None else self._explainer.parallel_calls
        )
        explain = partial(self._explain, shared=threads > 0)
        yield from self._executor.explain(explain, batches, _estimate_bytes, threads=threads)

    def _explain(
        self, outcome: list[LoadedItem] | SkippedMap | FailedItem, shared: bool = False
    ) -> BatchOutcome:
        return self._explainer.explain(outcome, shared) if isinstance(outcome, list) else outcome

    def _is_halted(self) -> bool:
        limit = self.plan.options.max_failures
        return self._stop() or (limit is not None and len(self._failed_items) >= limit)

    def _handle_opened_model(self, model: api.Model) -> None:
        self._model = model
        # TensorFlow and the model stay in memory, so the garbage collector can ignore them.
        if WORKER.page or not gc.get_freeze_count():
            gc.freeze()
        self._pending_events += yield_output_warnings(self.plan, model.signature)
        self._pending_events += yield_target_warnings(self.plan, model.signature)
        self._pending_events += [
            RunWarning(code, note) for code, note in model.engine.notes.items()
        ]
        self._is_memory_short = "memory" in model.engine.notes
        engine = model.engine
        self._schedule = replace(self._schedule, mode=engine.mode, kernels=engine.kernels)
        self._write_run()

    def _write_run(self) -> None:
        """Write `run.json`, with less in it if the model was never opened."""
        record = build_schedule_record(self._schedule, self.plan.maps, self._earlier)
        record["pixels"] = build_pixel_record(self.plan)
        if self._model is None:
            write_run(self.plan, None, {"inputgrad": __version__}, record)
        else:
            write_run(self.plan, self._model.signature, api.list_versions(), record)

    def _note_short_memory(self) -> None:
        """Warn once that memory was too short for the passes, and record the smaller batch size."""
        engine = self._explainer.model.engine
        if "memory" not in engine.notes or engine.batch_size == self._schedule.batch_size:
            return
        if not self._is_memory_short:
            self._pending_events.append(RunWarning("memory", engine.notes["memory"]))
        self._is_memory_short = True
        self._schedule = replace(self._schedule, batch_size=engine.batch_size)
        self._write_run()

    def _record_failed(self, failed_item: FailedItem) -> Iterator[Event]:
        yield from self._report(self._recorder.record(failed_item))
        self._progress.done += 1
        yield self._progress.get_progress()

    def _queue_writing(self, result: BatchResult | BatchFailure) -> Iterator[Event]:
        if isinstance(result, BatchFailure):
            if isinstance(result.error, CompileError):
                yield from self._record_written()
                WORKER.request_restart()
            yield from self._retry_one_by_one(result)
            return
        self._note_short_memory()
        yield from self._earlier_events.keep_new(self._pending_events)
        self._pending_events.clear()

        tasks = yield_write_tasks(result, self._target_indices, self._journal.lines, self._output)
        self._progress.pending_batches.append(len(result.batch))
        self._executor.write(write, tasks, nbytes=result.nbytes)
        yield from self._record_written(wait=False)

    def _retry_one_by_one(self, failed_batch: BatchFailure) -> Iterator[Event]:
        """Run the items of a failed batch one by one, so that only the faulty item fails."""
        first, *others = failed_batch.batch
        if not others:
            maps = tuple(item_map for item_map, _ in first.todo)
            yield from self._record_failed(FailedItem(first.item, failed_batch.error, maps))
            return
        for loaded in failed_batch.batch:
            yield from self._queue_writing(self._explainer.explain([loaded]))

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
        lines = (written_map.line for written_map in written_maps)
        has_bare_map = any(line.get("files") and not line["drawn"] for line in lines)
        if has_bare_map and self.plan.options.style and not self._is_picture_note_sent:
            self._is_picture_note_sent = True
            message = "no kind of picture serves these inputs yet: none is drawn"
            yield from self._earlier_events.keep_new([RunNote(message, loud=True)])


def _estimate_bytes(outcome: list[LoadedItem] | SkippedMap | FailedItem) -> int:
    """Estimate how many bytes a batch needs with its maps."""
    if not isinstance(outcome, list):
        return 0
    sizes = (sum(a.nbytes for a in loaded.samples.arrays.values()) for loaded in outcome)
    return sum(sizes) * (1 + len(outcome[0].todo))  # each map is as large as its input
