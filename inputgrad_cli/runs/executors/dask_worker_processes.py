"""What runs inside of a Dask worker: it hands chunks to processes of its own.

TensorFlow never runs in the worker itself. Its kernels and threads are chosen once per process,
so that a process serves one run; a file that kills it leaves the worker alive; and a cluster that
was only borrowed is as it was when the run has ended. The worker does not look into what it passes
on, and imports little.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass

from inputgrad_cli.runs.executors.worker_compatibility import Misfit, WorkerRequest, find_misfits

PROCESS_MODULE = "inputgrad_cli.runs.executors.chunk_process"
KERNELS_VARIABLE = "TF_ENABLE_ONEDNN_OPTS"  # the run has chosen the kernels, not the worker
LOG_BYTES = 2000  # of what a process wrote last, for the error that it has died
# The first byte of each message of a process.
OUTCOME, ERROR, OPENED, DONE = b"o", b"e", b"m", b"d"


@dataclass(frozen=True)
class ChunkReport:
    """What became of a chunk: the pickled outcomes, and why there are no more of them.

    `error` is a pickled exception that ends the run. `death` is what the process died of, with the
    end of what it wrote to stderr in `log`; `is_open` tells whether its model was open by then.
    `misfits` are what of the worker does not fit the run.
    """

    outcomes: tuple[bytes, ...] = ()
    error: bytes = b""
    death: str = ""
    log: str = ""
    is_open: bool = True
    misfits: tuple[Misfit, ...] = ()


class WorkerBugError(Exception):
    """A bug that showed in another process; the text is its traceback there."""


class ChunkProcess:
    """A process that works on the chunks of one run, one at a time."""

    def __init__(self, request: WorkerRequest, start: bytes) -> None:
        self.token = request.run.token
        self._is_open = False
        self._log = _open_log()
        self._connection, theirs = multiprocessing.Pipe()
        handle = theirs.fileno()
        self._process = subprocess.Popen(
            # With -P no module of the user's directory is taken for one of Python's.
            [sys.executable, "-P", "-m", PROCESS_MODULE, str(handle)],
            cwd=request.folder,
            env={name: text for name, text in os.environ.items() if name != KERNELS_VARIABLE},
            pass_fds=[handle],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,  # ^C in a terminal reaches the driver alone
        )
        theirs.close()
        with contextlib.suppress(OSError):  # it has ended; the first chunk reports that
            self._connection.send_bytes(start)

    def run(self, chunk: bytes) -> ChunkReport:
        """Return what became of a chunk."""
        outcomes: list[bytes] = []
        try:
            self._connection.send_bytes(chunk)
            while (message := self._connection.recv_bytes())[:1] != DONE:
                if message[:1] == ERROR:
                    return ChunkReport(tuple(outcomes), error=message[1:])
                if message[:1] == OPENED:
                    self._is_open = True
                else:
                    outcomes.append(message[1:])
        except (EOFError, OSError):
            death, log = self._describe_death()
            return ChunkReport(tuple(outcomes), death=death, log=log, is_open=self._is_open)
        return ChunkReport(tuple(outcomes))

    @property
    def is_alive(self) -> bool:
        """Return whether the process can take a chunk."""
        return self._process.poll() is None

    def close(self) -> None:
        """Let the process end."""
        self._connection.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)  # it ends as soon as the connection is closed
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._log)

    def _describe_death(self) -> tuple[str, str]:
        code = self._process.wait()
        death = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        start = max(0, os.fstat(self._log).st_size - LOG_BYTES)
        return death, os.pread(self._log, LOG_BYTES, start).decode(errors="replace")


def _open_log() -> int:
    """Return the descriptor of a file without a name."""
    handle, path = tempfile.mkstemp(prefix="inputgrad-")
    os.unlink(path)
    return handle


class WorkerProcesses:
    """The processes beside this worker that wait for a chunk; those of an earlier run are ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[ChunkProcess] = []
        self._last_check: tuple[str, tuple[Misfit, ...]] = ("", ())

    def check(self, request: WorkerRequest) -> tuple[Misfit, ...]:
        """Return what of this worker does not fit a run; found out once per run."""
        with self._lock:
            if self._last_check[0] != request.run.token:
                name = f"{platform.node()}:{os.getpid()}"
                self._last_check = request.run.token, tuple(find_misfits(request, name))
            return self._last_check[1]

    def take(self, request: WorkerRequest, start: bytes) -> ChunkProcess:
        """Return a process of the run; a new one if none of them waits."""
        with self._lock:
            usable = [p for p in self._idle if p.token == request.run.token and p.is_alive]
            unusable = [process for process in self._idle if process not in usable]
            process = usable.pop() if usable else None
            self._idle = usable
        for other in unusable:
            other.close()
        return process or ChunkProcess(request, start)

    def put_back(self, process: ChunkProcess) -> None:
        """Keep a process for the next chunk."""
        with self._lock:
            self._idle.append(process)

    def end(self, token: str) -> None:
        """End the waiting processes of a run."""
        with self._lock:
            processes = [process for process in self._idle if process.token == token]
            self._idle = [process for process in self._idle if process.token != token]
        for process in processes:
            process.close()


PROCESSES = WorkerProcesses()  # the only ones of this worker


def check_worker(request: WorkerRequest) -> tuple[Misfit, ...]:
    """Return what of this worker does not fit a run."""
    return PROCESSES.check(request)


def run_chunk(request: WorkerRequest, start: bytes, chunk: bytes) -> ChunkReport:
    """Work on a pickled chunk in a process beside this worker; `start` is its first message.

    A worker that joined late is checked before its first chunk.
    """
    if misfits := PROCESSES.check(request):
        return ChunkReport(misfits=misfits)
    if not request.run.is_current():  # the run has ended
        return ChunkReport()
    process = PROCESSES.take(request, start)
    report = process.run(chunk)
    if report.death or report.error:
        process.close()
    else:
        PROCESSES.put_back(process)
    return report


def end_processes(token: str) -> None:
    """End the processes of a run beside this worker."""
    PROCESSES.end(token)
