"""Connects to a Dask cluster that exists, or starts one of processes on this machine."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import secrets
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

from inputgrad_cli.errors import EngineLostError, StorageError, UsageError
from inputgrad_cli.machine import process_memory_limit
from inputgrad_cli.machine.memory_and_core_limits import find_available_cores
from inputgrad_cli.machine.memory_size_option import MIN_BYTES, parse_size
from inputgrad_cli.runs.executors.dask_worker_processes import check_worker
from inputgrad_cli.runs.executors.worker_compatibility import (
    NO_SPACE,
    Misfit,
    WorkerRequest,
    format_table,
)
from inputgrad_cli.runs.planning.run_options import ClusterOptions

CONNECT_SECONDS = 10  # for a scheduler to answer
CLOSE_SECONDS = 5
ANSWER_SECONDS = 2  # for all workers to say that their processes have ended
# Signals of a terminal reach all of its processes; only the driver is to act on them.
TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGHUP)
QUIET_LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")


@dataclass(frozen=True)
class Cluster:
    """A connection to a cluster; `local` is the cluster itself if it was started for this run.

    `max_memory` is what a process may hold, in the words of `--max-memory`.
    """

    client: Any
    local: Any
    address: str
    max_memory: str

    @property
    def is_connected(self) -> bool:
        """Return whether the scheduler answers."""
        return bool(self.client.status == "running")

    def list_workers(self) -> dict[str, int]:
        """Return how many chunks each worker can take at a time. Raises EngineLostError."""
        try:
            return dict(self.client.nthreads())
        except Exception as error:  # whatever Dask raises if its connection breaks
            raise self.build_loss_error() from error

    def check_workers(self, request: WorkerRequest) -> None:
        """Check every worker; UsageError or StorageError if one does not fit."""
        answers = self.client.run(check_worker, request, on_error="return")
        misfits: list[Misfit] = []
        for worker, answer in answers.items():
            if isinstance(answer, BaseException):  # inputgrad is missing there, or another one
                reason = f"{type(answer).__name__}: {answer}"
                misfits.append(Misfit(worker, "inputgrad", reason, request.facts["inputgrad"]))
            else:
                misfits += answer
        refuse_misfits(misfits)

    def submit(self, key: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Send a call to the scheduler, and return its future. Raises EngineLostError."""
        try:
            return self.client.submit(function, *arguments, key=key, pure=False)
        except Exception as error:  # whatever Dask raises if its connection breaks
            if self.is_connected:
                raise
            raise self.build_loss_error() from error

    @contextlib.contextmanager
    def keep_task(self) -> Iterator[None]:
        """Keep a task at the scheduler during this block, which any worker can do in no time."""
        future = self.submit(f"inputgrad-{secrets.token_hex(8)}", os.getpid)
        try:
            yield
        finally:
            future.release()

    def try_everywhere(self, function: Callable[[str], None], argument: str) -> None:
        """Call a function in each worker; whatever goes wrong there is ignored."""

        def call() -> None:
            with contextlib.suppress(Exception):
                self.client.run(function, argument, on_error="ignore")

        # A worker that is stopped does not answer.
        caller = threading.Thread(target=call, daemon=True)
        caller.start()
        caller.join(ANSWER_SECONDS)

    def build_loss_error(self) -> EngineLostError:
        """Return the error of a run whose scheduler is gone."""
        return EngineLostError(
            f"the scheduler at {self.address} does not answer any more",
            hint="the same call again does the rest",
        )

    def build_wait_error(self, seconds: float) -> EngineLostError:
        """Return the error of a run that had no worker for so many seconds."""
        return EngineLostError(
            f"the scheduler at {self.address} had no worker for {seconds:g} seconds",
            hint="start workers; the same call again does the rest",
        )

    def close(self) -> None:
        """Disconnect; a cluster that was started for this run ends, another one stays as it is."""
        with contextlib.suppress(Exception), _ignore_warnings():
            self.client.close(timeout=CLOSE_SECONDS)
        if self.local is not None:
            with contextlib.suppress(Exception), _ignore_warnings():
                self.local.close(timeout=CLOSE_SECONDS)


def refuse_misfits(misfits: Sequence[Misfit]) -> None:
    """Raise StorageError if workers lack nothing but free disk, else UsageError for any misfit."""
    if not misfits:
        return
    workers = len({misfit.worker for misfit in misfits})
    subject = "a worker does" if workers == 1 else f"{workers} workers do"
    only_space = all(misfit.fact == NO_SPACE for misfit in misfits)
    error = (
        StorageError(
            f"{subject} not have enough free disk",
            reason=f"{misfits[0].value} are free",
            hint="free some space, or choose another --out",
        )
        if only_space
        else UsageError(
            f"--engine dask: {subject} not fit this run: "
            + ", ".join(sorted({misfit.fact for misfit in misfits})),
            reason="its results would differ, or be lost",
            hint="give all workers the same packages, model and directories, then run again",
            kind="worker",
        )
    )
    error.log = format_table(misfits) + "\n"
    raise error


def open_cluster(options: ClusterOptions, items: int) -> Cluster:
    """Connect to the cluster of the options, or start one for so many items.

    Raises EngineLostError if a scheduler does not answer.
    """
    # Late, because Dask takes half a second to import, and only this engine needs it.
    import dask

    with _ignore_warnings():
        importlib.import_module("distributed")  # sets up its loggers, which are silenced next
    # Dask keeps its latest thousand messages for debugging, each with the names of a whole chunk.
    dask.config.set({"distributed.admin.low-level-log-length": 0})
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    address = options.scheduler or dask.config.get("scheduler-address", None)
    if address is None and options.scheduler_file is None:
        return _start_local(options.max_memory, items)
    return _connect(options, address)


def _connect(options: ClusterOptions, address: str | None) -> Cluster:
    from distributed import Client

    file = options.scheduler_file
    if file is not None:
        address = _read_address(options)
    try:
        with _ignore_warnings():
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (ValueError, TypeError, RuntimeError) as error:  # also certificates that are missing
        raise UsageError(
            f"{address}: cannot be used as the address of a scheduler",
            reason=str(error),
            hint="write it as tcp://HOST:8786; for tls:// Dask's configuration names certificates",
        ) from None
    except OSError as error:
        raise EngineLostError(
            f"the scheduler at {address} does not answer",
            reason=type(error).__name__,
            hint="start it, or name another one with --scheduler",
        ) from None
    return Cluster(client, None, str(address), options.max_memory)


def _read_address(options: ClusterOptions) -> str:
    file = options.scheduler_file
    assert file is not None
    try:
        return str(json.loads(file.read_bytes())["address"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"--scheduler-file {file}: not the file of a Dask scheduler",
            hint="a scheduler writes it: dask scheduler --scheduler-file FILE",
        ) from None


def _start_local(max_memory: str, items: int) -> Cluster:
    """Start one worker of one thread for each core, but no more than there are items."""
    from distributed import Client, LocalCluster

    cores = max(1, min(find_available_cores().value, items))
    if parse_size(max_memory) is None:
        # All processes together may hold what the call itself might.
        max_memory = str(max(MIN_BYTES, process_memory_limit.find_free_memory().size // cores))
    # Processes inherit the limit of this one, which is not theirs.
    process_memory_limit.suspend_limit()
    # Started later, it would unblock the signals in the thread that starts the workers.
    resource_tracker.ensure_running()
    with _block_terminal_signals(), _ignore_warnings():
        cluster = LocalCluster(
            n_workers=cores,
            threads_per_worker=1,
            dashboard_address=None,
            memory_limit=0,  # each process beside a worker has a limit of its own
            silence_logs=logging.CRITICAL,
        )
        client = Client(cluster, set_as_default=False)
    return Cluster(client, cluster, cluster.scheduler_address, max_memory)


@contextlib.contextmanager
def _block_terminal_signals() -> Iterator[None]:
    """Block signals in the threads and processes that begin in this block, for as long as they run.

    Threads and processes inherit the mask, also those that Dask starts later to replace a worker.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _ignore_warnings() -> Iterator[None]:
    """Ignore Dask's warnings, for example of versions: what matters of them is checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
