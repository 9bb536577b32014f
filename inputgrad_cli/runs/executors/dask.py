"""Takes the items of a run through all of its steps on the workers of a Dask cluster, in chunks.

Only a few chunks are under way at a time, and their records are taken and released at once, so that
they take no memory of this process that would grow with the number of items.
"""

from __future__ import annotations

import contextlib
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from inputgrad_cli.errors import EngineLostError, StorageError
from inputgrad_cli.runs.executors.chunk_futures import ChunkFutures, ChunkResult
from inputgrad_cli.runs.executors.chunk_process import ProcessStart
from inputgrad_cli.runs.executors.chunk_retries import Retries, drop_reported
from inputgrad_cli.runs.executors.chunk_runner import join_batches
from inputgrad_cli.runs.executors.chunks import Chunk, choose_chunk_size, yield_chunks
from inputgrad_cli.runs.executors.dask_cluster import Cluster, open_cluster, refuse_misfits
from inputgrad_cli.runs.executors.dask_worker_processes import ChunkReport, end_processes
from inputgrad_cli.runs.executors.item_runner_protocol import ItemOutcome, WrittenBatch
from inputgrad_cli.runs.executors.run_token_file import SharedRun
from inputgrad_cli.runs.executors.worker_compatibility import (
    WorkerRequest,
    hash_model,
    list_versions,
)
from inputgrad_cli.runs.executors.worker_watch import WorkerWatch
from inputgrad_cli.runs.inputs.crash_isolating_order import ItemOrder
from inputgrad_cli.runs.inputs.file_items import IndexedItem
from inputgrad_cli.runs.run_events import RunNote
from inputgrad_cli.runs.run_preparation import Preparation
from inputgrad_cli.runs.tasks.load_tasks import FailedItem, LoadTask
from inputgrad_cli.runs.tasks.run_context import RunContext
from inputgrad_cli.storage.atomic_write import build_write_error
from inputgrad_cli.storage.shard_file_names import RecordFile, to_tag

SHARED_FILE = RecordFile(".cluster")
CHUNKS_AHEAD = 3  # for each slot: one is computed, and the next ones are there already
STOP_SECONDS = 4.0  # for the current batches after a signal; a second later the process ends


@dataclass(frozen=True)
class ClusterRun:
    """The cluster that a run has: its workers, and the chunks that they work on."""

    cluster: Cluster
    watch: WorkerWatch
    chunks: ChunkFutures


class DaskRunner:
    """Sends items in chunks to the workers of a cluster; a worker that dies loses at most one.

    `yield_tasks` makes the tasks of items; `is_halted` is asked before each chunk that is sent.
    """

    messages = ""  # TensorFlow runs in other processes

    def __init__(
        self,
        preparation: Preparation,
        yield_tasks: Callable[[Iterable[IndexedItem]], Iterator[LoadTask]],
        is_halted: Callable[[], bool],
    ) -> None:
        self._preparation, self._plan = preparation, preparation.plan
        self._yield_tasks, self._is_halted = yield_tasks, is_halted
        self._shared = self._share_context(preparation.context)
        self._run: ClusterRun | None = None
        self._retries = Retries()
        self._has_lost_process = False
        self._deadline: float | None = None

    @property
    def has_lost_process(self) -> bool:
        """Return whether a process has died that may have left a temporary file."""
        return self._has_lost_process or bool(self._run and self._run.watch.has_lost_worker)

    def run(self, order: ItemOrder) -> Iterator[ItemOutcome | RunNote]:
        """Yield what became of the items, in the order of completion; raises what ends the run.

        Once the run is halted the current batches end, and what they have written is yielded.
        """
        run = self._open_cluster()
        slots, address = run.watch.slots, run.cluster.address
        size = choose_chunk_size(self._plan, slots)
        yield RunNote(f"{slots} workers at {address}, about {size} samples a chunk")
        chunks = self._yield_chunks(order, size)
        while True:
            if self._is_halted():
                self._end_early(run)
            else:
                self._submit_chunks(run, chunks)
            if not run.chunks:
                return
            if result := run.chunks.take_result():
                yield from self._handle(result)
            run.watch.look()

    def take_written(self) -> Iterator[WrittenBatch]:
        """Yield nothing: what a worker has written and not reported is computed again."""
        return iter(())

    def stop(self) -> None:
        """End the processes of the run, and the cluster if it was started for it."""
        self._shared.remove()  # processes at work end before their next batch
        if self._run is None:
            return
        self._run.chunks.release_all()
        cluster = self._run.cluster
        if cluster.is_connected:
            with contextlib.suppress(EngineLostError):
                self._run.watch.update()
            cluster.try_everywhere(end_processes, self._shared.token)
        cluster.close()

    def _share_context(self, context: RunContext) -> SharedRun:
        """Write the file by which the processes know the run. Raises StorageError."""
        options = context.plan.options
        path = Path.cwd() / options.out / SHARED_FILE.get_name(to_tag(options.shard))
        try:
            return SharedRun.create(path, pickle.dumps(_drop_names(context)))
        except OSError as error:
            raise build_write_error(path, error, hint="choose another --out") from None

    def _open_cluster(self) -> ClusterRun:
        """Find the workers of the run, and check them.

        Raises EngineLostError without a worker, UsageError or StorageError if one does not fit.
        """
        options, callbacks = self._plan.options, self._preparation.holder.callbacks
        assert options.cluster is not None
        facts = {**list_versions(), "model": hash_model(options.model)}
        request = WorkerRequest(str(Path.cwd()), str(options.model), self._shared, facts)
        callbacks.on_stage("starting workers")
        cluster = open_cluster(options.cluster, len(self._plan.share))
        start = pickle.dumps(ProcessStart(self._shared, cluster.max_memory))
        self._run = run = ClusterRun(
            cluster,
            WorkerWatch(cluster, callbacks.on_stage),
            ChunkFutures(cluster, request, start),
        )
        run.watch.wait_for_worker()
        cluster.check_workers(request)
        return run

    def _yield_chunks(self, order: ItemOrder, size: int) -> Iterator[Chunk]:
        # What killed a process of an earlier call comes last, and alone.
        parts = ((chain(order.first, order.others), size), (order.last, 1))
        return chain.from_iterable(
            yield_chunks(self._yield_tasks(items), self._plan, count) for items, count in parts
        )

    def _submit_chunks(self, run: ClusterRun, chunks: Iterator[Chunk]) -> None:
        """Send chunks until each worker has some; without workers they wait at the scheduler."""
        while len(run.chunks) < CHUNKS_AHEAD * max(1, run.watch.slots):
            chunk = self._retries.take() or next(chunks, None)
            if chunk is None:
                return
            run.chunks.submit(chunk)

    def _end_early(self, run: ClusterRun) -> None:
        """Let the processes end after their current batches; give up those that take too long."""
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + STOP_SECONDS
            self._retries.clear()
            self._shared.remove()
        elif now > self._deadline:
            run.chunks.release_all()

    def _handle(self, result: ChunkResult) -> Iterator[ItemOutcome]:
        """Yield the outcomes of a chunk; what is left of it is tried again."""
        report = result.report
        outcomes: list[ItemOutcome] = [pickle.loads(data) for data in report.outcomes]
        for outcome in join_batches(outcomes):
            if isinstance(outcome, WrittenBatch):
                self._preparation.opening.follow(outcome.model)
            yield outcome
        if report.error:
            raise pickle.loads(report.error)
        self._has_lost_process |= bool(report.death)
        if self._deadline is not None:
            return
        refuse_misfits(report.misfits)
        rest = drop_reported(result.chunk, outcomes)
        if failure := self._retry_rest(rest, report):
            yield failure

    def _retry_rest(self, rest: Chunk, report: ChunkReport) -> FailedItem | None:
        """Try again what is left of a chunk; return the item that has killed too many processes."""
        if report.death and report.is_open:
            return self._retries.add(rest, report.death)
        if report.death:
            self._retries.add_unopened(
                rest, report.death, report.log, str(self._plan.options.model)
            )
        elif rest.tasks:
            raise StorageError(
                f"{self._shared.path}: was removed while the run needed it",
                hint="the same call again does the rest",
            )
        else:
            self._retries.note_success()
        return None


def _drop_names(context: RunContext) -> RunContext:
    """Return the context without the words of the call, among which may be a million names."""
    options = replace(context.plan.options, inputs=(), argv=(), option_records={})
    return replace(context, plan=replace(context.plan, options=options))
