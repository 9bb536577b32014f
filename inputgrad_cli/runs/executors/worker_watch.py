"""Watches the workers of a cluster: how many chunks they can take, and whether some have gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from inputgrad_cli.runs.executors.dask_cluster import Cluster

WATCH_SECONDS = 2.0  # between two looks at the workers
POLL_SECONDS = 0.2  # between two looks for a first worker
WAIT_SECONDS = 120.0  # for a first worker, and without any


class WorkerWatch:
    """Knows the workers of a cluster by a look from time to time; `on_stage` tells what is awaited.

    `has_lost_worker` says whether a worker that was there is gone.
    """

    def __init__(self, cluster: Cluster, on_stage: Callable[[str], None]) -> None:
        self.has_lost_worker = False
        self._cluster, self._on_stage = cluster, on_stage
        self._threads: dict[str, int] = {}
        self._last_look = self._last_seen = time.monotonic()

    @property
    def slots(self) -> int:
        """Return how many chunks the workers can take at a time."""
        return sum(self._threads.values())

    def wait_for_worker(self) -> None:
        """Wait until there is a worker. Raises EngineLostError."""
        self._look_now()
        if self.slots:
            return
        # A cluster that adapts to its work starts no worker before there is some.
        with self._cluster.keep_task():
            while not self.slots:
                time.sleep(POLL_SECONDS)
                self._look_now()

    def look(self) -> None:
        """Update what is known, unless that was done a moment ago.

        Raises EngineLostError if the scheduler does not answer, or had no worker for too long.
        """
        if not self._cluster.is_connected:
            raise self._cluster.build_loss_error()
        if time.monotonic() - self._last_look > WATCH_SECONDS:
            self._look_now()

    def _look_now(self) -> None:
        self.update()
        self._last_look = time.monotonic()
        self._on_stage("" if self.slots else "waiting for workers")
        if self.slots:
            self._last_seen = self._last_look
        elif self._last_look - self._last_seen > WAIT_SECONDS:
            raise self._cluster.build_wait_error(WAIT_SECONDS)

    def update(self) -> None:
        """Ask the scheduler for its workers. Raises EngineLostError."""
        threads = self._cluster.list_workers()
        self.has_lost_worker |= not self._threads.keys() <= threads.keys()
        self._threads = threads
