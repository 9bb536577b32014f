"""The chunks that are under way on a cluster, as futures of Dask."""

from __future__ import annotations

import pickle
import queue
from dataclasses import dataclass
from typing import Any, cast

from inputgrad_cli.errors import UsageError
from inputgrad_cli.runs.executors.chunks import Chunk
from inputgrad_cli.runs.executors.dask_cluster import Cluster
from inputgrad_cli.runs.executors.dask_worker_processes import ChunkReport, run_chunk
from inputgrad_cli.runs.executors.worker_compatibility import WorkerRequest

POLL_SECONDS = 0.2  # for a chunk to end, between two looks at a signal of the user
RESULT_SECONDS = 2.0  # to fetch the report of a chunk from its worker


@dataclass(frozen=True)
class ChunkResult:
    """A chunk that is not under way any more, and the report of its process."""

    chunk: Chunk
    report: ChunkReport


class ChunkFutures:
    """Sends chunks to the workers, and takes their reports in the order in which they end.

    A report is released as soon as it is taken, so that neither this process nor the cluster keeps
    what grows with the number of items. `start` is the first message to each process.
    """

    def __init__(self, cluster: Cluster, request: WorkerRequest, start: bytes) -> None:
        self._cluster, self._request, self._start = cluster, request, start
        self._chunks: dict[Any, Chunk] = {}
        self._ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._count = 0

    def __len__(self) -> int:
        return len(self._chunks)

    def submit(self, chunk: Chunk) -> None:
        """Send a chunk to the scheduler. Raises EngineLostError."""
        self._count += 1
        # For the same key Dask would return an earlier result.
        key = f"inputgrad-{self._request.run.token}-{self._count}"
        tasks = pickle.dumps(chunk.tasks)
        self._keep(self._cluster.submit(key, run_chunk, self._request, self._start, tasks), chunk)

    def take_result(self) -> ChunkResult | None:
        """Return a chunk that has ended, None if none does within a moment; EngineLostError."""
        try:
            future = self._ready.get(timeout=POLL_SECONDS)
        except queue.Empty:
            return None
        if (chunk := self._chunks.pop(future, None)) is None:  # given up before
            return None
        report = self._fetch(future)
        if report is None:
            self._keep(future, chunk)
            return None
        future.release()
        return ChunkResult(chunk, report)

    def release_all(self) -> None:
        """Give up all chunks; Dask then forgets those that have not begun."""
        for future in self._chunks:
            future.release()
        self._chunks.clear()

    def _keep(self, future: Any, chunk: Chunk) -> None:
        self._chunks[future] = chunk
        future.add_done_callback(self._ready.put)

    def _fetch(self, future: Any) -> ChunkReport | None:
        """Return the report of a chunk; None if it was lost with its worker and is made again."""
        if future.status == "error":
            return _explain_error(future.exception())
        try:
            if future.status != "cancelled" and self._cluster.is_connected:
                return cast(ChunkReport, future.result(timeout=RESULT_SECONDS))
        except TimeoutError:
            return None
        except Exception:  # whatever Dask raises if its connection breaks
            if future.status != "cancelled" and self._cluster.is_connected:
                raise
        raise self._cluster.build_loss_error()


def _explain_error(error: BaseException) -> ChunkReport:
    """Return the report of a chunk that several workers have died with; UsageError for the rest."""
    if type(error).__name__ == "KilledWorker":
        return ChunkReport(death="the death of its worker")
    raise UsageError(
        f"--engine dask: a worker cannot run this version of inputgrad ({error})",
        hint="install the same packages on all workers",
        kind="worker",
    )
