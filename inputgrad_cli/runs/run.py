"""One run, from plan to summary. It yields events; it prints nothing."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from inputgrad_cli import api
from inputgrad_cli.errors import CompileError, StorageError
from inputgrad_cli.explanation.batch import Answer
from inputgrad_cli.explanation.item_record import Facts
from inputgrad_cli.interfaces.engine import SILENT, Telling
from inputgrad_cli.prefetch import BYTES, prefetch
from inputgrad_cli.runs.background_writer import Behind
from inputgrad_cli.runs.counts import Tally
from inputgrad_cli.runs.diagnostics import choice_warnings, head_warnings, run_warnings
from inputgrad_cli.runs.earlier_events import Recall
from inputgrad_cli.runs.events import Event, ItemDone, Noted, Start, Summary, Warned, failure
from inputgrad_cli.runs.explain_batches import Computer, Faulty, Found, deciding
from inputgrad_cli.runs.finish import Finished, Work, failed_line, finish, shares
from inputgrad_cli.runs.inputs.item_order import Place, line_up
from inputgrad_cli.runs.inputs.loader import Broken, Feed, Labels, Load, Skipped
from inputgrad_cli.runs.item_fields import failed_fields, skipped_fields
from inputgrad_cli.runs.pictures.update_pictures import Retouch
from inputgrad_cli.runs.planning.pixel_record import record_of
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.runs.planning.required_inputs import refuse_inputs
from inputgrad_cli.runs.planning.schedule import Pace, kept_pace, write_paces
from inputgrad_cli.runs.run_record import refuse_other_model, write_run
from inputgrad_cli.runs.writer import Output
from inputgrad_cli.schema.encoded_names import heard
from inputgrad_cli.storage.atomic_write import sync_folder
from inputgrad_cli.storage.file_names import Map
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.lock import RunLock
from inputgrad_cli.storage.run_record import read_run, read_runs
from inputgrad_cli.storage.shards import tag_of
from inputgrad_cli.supervision.shared_page import Stage
from inputgrad_cli.supervision.worker import WORKER
from inputgrad_cli.version import __version__

Got = Found | Faulty | Skipped | Broken


class Run:
    """A plan being carried out."""

    def __init__(
        self,
        plan: Plan,
        stop: Callable[[], bool] = lambda: False,
        telling: Telling = SILENT,
        recall: Recall | None = None,
    ) -> None:
        self.plan = plan
        self._recall = recall or Recall()
        self._telling = telling
        self._tally = Tally(len(plan.share), len(plan.maps))
        self._model: api.Model | None = None
        self._stop = stop
        self._counts = self._recall.counts()
        self._failed_items = self._recall.failed()
        self._news: list[Event] = []
        self._kindless = False
        self._short = False
        self._writing: Behind[Finished] = Behind()
        asked = [each for target in plan.job.targets for each in target.maps()]
        self._places = {each: number for number, each in enumerate(asked)}

    def events(self) -> Iterator[Event]:
        """Yield what happens; the last event is the summary. Raises what ends a whole run."""
        plan = self.plan
        WORKER.enter(Stage.COMPUTING, str(plan.job.model))
        start = Start(__version__, str(plan.job.model), len(plan.share))
        yield from self._recall.fresh([start])
        hold = RunLock(plan.job.out, tag_of(plan.job.shard))
        try:
            for event in self._work():
                if isinstance(event, ItemDone):
                    self._count(event)
                yield event
        finally:
            self._writing.stop()
            hold.release()
        WORKER.enter(Stage.ENDING)
        yield self.summary()

    @property
    def noise(self) -> str:
        """Return what TensorFlow said so far."""
        return self._model.noise if self._model else ""

    def summary(self, exit_code: int | None = None) -> Summary:
        """Return the summary so far; without `exit_code` it follows from what was done."""
        counts = self._counts
        if exit_code is None:
            unmet = 1 if counts["unmet"] and self.plan.job.strict else 0
            exit_code = 3 if counts["failed"] else unmet
        seconds = time.monotonic() - self._recall.began
        return Summary(counts["ok"], counts["failed"], counts["skipped"], seconds, exit_code)

    def _count(self, event: ItemDone) -> None:
        self._counts[event.status] += 1
        if event.status == "failed":
            self._failed_items.add(event.fields["input"])

    def _work(self) -> Iterator[Event]:
        plan, job = self.plan, self.plan.job
        refuse_other_model(plan)
        tag = tag_of(job.shard)
        earlier = read_run(job.out, tag)
        self._earlier = earlier
        self._pace = pace = kept_pace(job, plan.pace, plan.maps, earlier)
        self._journal = Journal(job.out, job.on_exists != "overwrite", tag)
        if self._journal.torn:
            cut = Noted(f"{self._journal.path}: its last line was cut short; that map is done anew")
            yield from self._recall.fresh([cut])
        self._output = Output(job.out, self._journal, job.style, job.on_exists == "overwrite")
        self._computer = Computer(plan, pace, self._opened, self._telling)
        self._computer.settle_pixels(earlier)
        self.plan = plan = self._computer.plan
        ports = self._computer.ports()
        refuse_inputs(job, ports)  # those of a model whose file does not name them
        reading = replace(plan.reading(ports), folder=job.out)
        self._retouch = Retouch(plan, self._journal, reading)
        labels = Labels(plan.truth, job.targets, plan.target_files, plan.labels, plan.masks)
        over = self._recall.stems
        feed = Feed(reading, plan.maps, self._journal, deciding(plan), labels, over)
        yield from self._recall.fresh(run_warnings(plan))
        try:
            yield from self._items(feed, pace)
        except Exception:  # what is written is kept, whatever ends the run
            yield from self._settled(0)
            raise
        yield from self._settled(0)
        self._journal.settle()
        if self._model is None and tag not in read_runs(job.out):
            self._write_run()
        self._retouch.end(self._stop())
        if self._retouch.count:
            told = Noted(f"{self._retouch.count} pictures were drawn again, from their arrays")
            yield from self._recall.fresh([told])

    def _items(self, feed: Feed, pace: Pace) -> Iterator[Event]:
        """Do all items: most of them together, those at which a process died one at a time."""
        earlier, maps, over = WORKER.earlier, self.plan.maps, self._recall.stems
        lineup = line_up(self.plan, earlier, over, self._journal.crashed)
        self._tally.done += lineup.over
        for item, error in lineup.crashed:
            if left := tuple(made for made in maps if made.stem(item.name) not in over):
                yield from self._broken(Broken(item, error, left))
        yield from self._alone(feed, lineup.first)
        size = earlier.batch_size(pace.batch_size)
        WORKER.bound(size)
        self._pace = replace(self._pace, batch_size=size)
        if earlier.alone:
            yield from self._alone(feed, lineup.others)
        else:
            WORKER.work_alone(len(lineup.others) == 1)
            self._computer.resize(size)
            for got in self._found(feed.batches(lineup.others, size, self._halted)):
                yield from self._entered(got)
        yield from self._alone(feed, lineup.last)

    def _alone(self, feed: Feed, items: Sequence[Place]) -> Iterator[Event]:
        """Do items one at a time, each to its end before the next is read."""
        yield from self._settled(0)
        WORKER.work_alone(True)
        for one in items:
            for got in feed.batches([one], 1, self._halted):
                if isinstance(got, list):  # the samples of one file are not tried one by one
                    many = got[0].samples.many
                    self._computer.resize(self._pace.batch_size if many else 1)
                yield from self._entered(self._computed(got))
            yield from self._settled(0)

    def _entered(self, got: Got) -> Iterator[Event]:
        if isinstance(got, Skipped):
            yield from self._skipped(got)
        elif isinstance(got, Broken):
            yield from self._broken(got)
        else:
            yield from self._batch(got)

    def _skipped(self, got: Skipped) -> Iterator[Event]:
        samples, unmet = got.record["samples"], got.record["unmet"]
        self._counts["unmet"] += unmet
        with WORKER.at_work([got.item.name]):
            error = self._retouch.skipped(got)
        events: list[Event] = []
        for sample in [None] if samples is None else range(samples):
            told = skipped_fields(got.item, got.made, sample)
            if error is not None:
                told = failed_fields(got.item, got.made, failure(error), sample)
            events.append(ItemDone(told))
        yield from self._recall.fresh(events, [got.made.stem(got.item.name)], unmet)
        if self._tally.skip(got.item.name):
            yield self._tally.progress()

    def _found(self, batches: Iterator[list[Load] | Skipped | Broken]) -> Iterator[Got]:
        """Yield what the feed gives, batches with what was found for them.

        The first opens the model; then as many are computed at a time as gains by it. Where failed
        items are counted, none is begun before the last has been counted.
        """
        for got in batches:
            yield self._computed(got)
            if isinstance(got, list):
                break
        lanes = 0 if self.plan.job.most_failures is not None else self._computer.lanes
        beside = partial(self._computed, shared=lanes > 0)
        yield from prefetch(beside, batches, lanes, lanes + 1, _weight)

    def _computed(self, got: list[Load] | Skipped | Broken, shared: bool = False) -> Got:
        return self._computer.found(got, shared) if isinstance(got, list) else got

    def _halted(self) -> bool:
        most = self.plan.job.most_failures
        return self._stop() or (most is not None and len(self._failed_items) >= most)

    def _opened(self, model: api.Model) -> None:
        self._model = model
        # TensorFlow and the model live on: no search for garbage goes there.
        if WORKER.page or not gc.get_freeze_count():
            gc.freeze()
        self._news += head_warnings(self.plan, model.signature)
        self._news += choice_warnings(self.plan, model.signature)
        self._news += [Warned(code, note) for code, note in model.engine.notes.items()]
        self._short = "memory" in model.engine.notes
        engine = model.engine
        self._pace = replace(self._pace, mode=engine.mode, kernels=engine.kernels)
        self._write_run()

    def _write_run(self) -> None:
        """Write `run.json`, as far as is known: a model that was never opened tells less."""
        how = write_paces(self._pace, self.plan.maps, self._earlier)
        how["pixels"] = record_of(self.plan)
        if self._model is None:
            write_run(self.plan, None, {"inputgrad": __version__}, how)
        else:
            write_run(self.plan, self._model.signature, api.versions(), how)

    def _note_short(self) -> None:
        """Tell once that memory was too short for the passes, and go on so when resumed."""
        engine = self._computer.model.engine
        if "memory" not in engine.notes or engine.batch_size == self._pace.batch_size:
            return
        if not self._short:
            self._news.append(Warned("memory", engine.notes["memory"]))
        self._short, self._pace = True, replace(self._pace, batch_size=engine.batch_size)
        self._write_run()

    def _broken(self, got: Broken) -> Iterator[Event]:
        told = failure(got.error)
        self._journal.add([failed_line(got.item, made, told) for made in got.maps])
        events = [ItemDone(failed_fields(got.item, made, told)) for made in got.maps]
        yield from self._recall.fresh(events, [made.stem(got.item.name) for made in got.maps])
        self._tally.done += 1
        yield self._tally.progress()

    def _batch(self, found: Found | Faulty) -> Iterator[Event]:
        if isinstance(found, Faulty):
            if isinstance(found.error, CompileError):
                yield from self._settled(0)
                WORKER.end_for_another()
            yield from self._apart(found)
            return
        self._note_short()
        yield from self._recall.fresh(self._news)
        self._news.clear()

        works = [
            Work(load, made, mark, self._own(found.passes, made, row, load))
            for row, load in enumerate(found.batch)
            for made, mark in load.todo
        ]
        facts, seconds = found.facts, found.seconds
        self._tally.under_way.append(len(found.batch))
        self._writing.put([partial(self._finish, share, facts, seconds) for share in shares(works)])
        # The next batch is computed while this one is written, unless that would hold too much.
        yield from self._settled(0 if found.nbytes > BYTES else 1)

    def _finish(self, works: Sequence[Work], facts: Facts, seconds: float) -> Iterator[Finished]:
        with WORKER.at_work([work.load.item.name for work in works]):
            yield from finish(works, self._output, facts, seconds)

    def _apart(self, faulty: Faulty) -> Iterator[Event]:
        """Do the items of a batch one by one: one is at fault, and the others shall not pay."""
        first, *others = faulty.batch
        if not others:
            maps = tuple(made for made, _ in first.todo)
            yield from self._broken(Broken(first.item, faulty.error, maps))
            return
        for load in faulty.batch:
            yield from self._batch(self._computer.found([load]))

    def _settled(self, most: int) -> Iterator[Event]:
        """Enter batches that are written into the journal, until at most `most` are under way."""
        for finished, error in self._writing.take(most):
            try:
                self._enter(finished)
            except StorageError as later:
                raise error or later from None  # what failed first is what is told
            events = [event for done in finished for event in done.events]
            unmet = sum(done.line.get("unmet", 0) for done in finished)
            self._counts["unmet"] += unmet
            yield from self._recall.fresh(events, [done.stem for done in finished], unmet)
            if error:
                raise error
            yield self._tally.written()
            yield from self._note_kindless(finished)

    def _note_kindless(self, finished: Sequence[Finished]) -> Iterator[Event]:
        """Say once a run that no kind of picture serves what was computed."""
        lines = (done.line for done in finished)
        bare = any(line.get("files") and not line["drawn"] for line in lines)
        if bare and self.plan.job.style and not self._kindless:
            self._kindless = True
            told = "no kind of picture serves these inputs yet: none is drawn"
            yield from self._recall.fresh([Noted(told, loud=True)])

    def _enter(self, finished: Sequence[Finished]) -> None:
        """Write the journal lines of maps whose files are in place."""
        stems = [heard(done.line, "stem") for done in finished if done.line.get("files")]
        for folder in {(self.plan.job.out / stem).parent for stem in stems}:
            sync_folder(folder)
        self._journal.add([done.line for done in finished if done.line])
        if WORKER.page:
            WORKER.page.done += sum(bool(done.line.get("files")) for done in finished)

    def _own(
        self, passes: Sequence[Sequence[Answer]], made: Map, row: int, load: Load
    ) -> list[Answer]:
        """Return what a batch found for one map of one item: all passes, or the item's own row.

        A target's place among all that were asked tells which answer is its own: a target that
        comes from a file goes by another name once it is read.
        """
        number = self._places[made.target]
        parts = [
            [answer for answer in answers if answer.wish.label == made.label][number]
            for answers in passes
        ]
        return parts if load.samples.many else [parts[0].row(row)]


def _weight(got: list[Load] | Skipped | Broken) -> int:
    """Return about how many bytes a batch takes with its maps."""
    if not isinstance(got, list):
        return 0
    each = (sum(a.nbytes for a in load.samples.arrays.values()) for load in got)
    return sum(each) * (1 + len(got[0].todo))
