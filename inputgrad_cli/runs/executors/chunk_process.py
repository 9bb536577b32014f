"""The process beside a Dask worker in which the chunks of one run are computed.

`python -m inputgrad_cli.runs.executors.chunk_process HANDLE`, where the handle is that of its end
of a connection. It ends with the connection, so it never outlives its worker.
"""

from __future__ import annotations

import pickle
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from inputgrad_cli.errors import InputgradError, ModelError
from inputgrad_cli.machine.memory_and_core_limits import set_core_share
from inputgrad_cli.machine.process_memory_limit import limit_memory
from inputgrad_cli.runs.executors.dask_worker_processes import (
    DONE,
    ERROR,
    OPENED,
    OUTCOME,
    WorkerBugError,
)
from inputgrad_cli.runs.executors.run_token_file import SharedRun
from inputgrad_cli.supervision.immediate_process_exit import exit_with
from inputgrad_cli.supervision.temporary_folder import TEMPORARY_FOLDER

if TYPE_CHECKING:
    from inputgrad_cli.runs.executors.chunk_runner import ChunkRunner
    from inputgrad_cli.runs.tasks.run_context import RunContext

# A process that gets no chunk for so long ends: its driver may have been killed.
IDLE_SECONDS = 60.0
POLL_SECONDS = 0.2  # between two looks at the run's file, which may be on another machine


@dataclass(frozen=True)
class ProcessStart:
    """The first message: the run, and how much memory the process may hold."""

    run: SharedRun
    max_memory: str


class RunWatch:
    """Tells whether a run has ended, by a look at its file at most every `POLL_SECONDS`."""

    def __init__(self, run: SharedRun) -> None:
        self._run = run
        self._last_look, self._is_over = 0.0, False

    def has_ended(self) -> bool:
        """Return whether the run has ended."""
        now = time.monotonic()
        if not self._is_over and now - self._last_look > POLL_SECONDS:
            self._last_look, self._is_over = now, not self._run.is_current()
        return self._is_over


def main() -> None:
    """Work on the chunks that come over the connection until it is closed."""
    connection = Connection(int(sys.argv[1]))
    messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, messages), daemon=True).start()
    start: ProcessStart = pickle.loads(messages.get())
    TEMPORARY_FOLDER.open()
    set_core_share(1)  # the worker has a process for each of its threads
    with limit_memory(start.max_memory):
        _serve(connection, messages, start.run)
    exit_with(0)


def _receive(connection: Connection, messages: queue.SimpleQueue[bytes]) -> None:
    """Receive messages in a thread, and end the process once the connection is closed."""
    try:
        while True:
            messages.put(connection.recv_bytes())
    except (EOFError, OSError):
        exit_with(0)


def _serve(connection: Connection, messages: queue.SimpleQueue[bytes], run: SharedRun) -> None:
    runner: ChunkRunner | None = None
    while True:
        try:
            chunk = messages.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            return
        try:
            if runner is None:
                runner = _build_runner(run, lambda: connection.send_bytes(OPENED))
            for outcome in runner.run(pickle.loads(chunk)):
                connection.send_bytes(OUTCOME + pickle.dumps(outcome))
            connection.send_bytes(DONE)
        except Exception as error:
            # Once a run has ended, its file is gone, and nobody waits for what became of a chunk.
            has_ended = not run.is_current()
            connection.send_bytes(DONE if has_ended else ERROR + _serialize_error(error))


def _build_runner(run: SharedRun, on_open: Callable[[], None]) -> ChunkRunner:
    """Return the runner of chunks, with the model that this machine sees."""
    from inputgrad_cli.runs.executors.chunk_runner import ChunkRunner
    from inputgrad_cli.runs.model_holder import ModelHolder

    context = _reopen_model(pickle.loads(run.read_context()))
    watch = RunWatch(run)
    holder = ModelHolder(context.plan, context.schedule, should_stop=watch.has_ended)
    # Not by the watch: a run that began a moment ago must not lose a file to this one.
    return ChunkRunner(context, holder, lambda: not run.is_current(), on_open)


def _reopen_model(context: RunContext) -> RunContext:
    """Return the context with the model's file as this machine sees it.

    Device and inode of a shared file differ between machines, and tell whether it was replaced.
    """
    from inputgrad_cli.modelfile.model_file import open_model

    plan = context.plan
    file = open_model(plan.model_file.path)
    if file.sha256 != plan.model_file.sha256:
        raise ModelError(
            f"{file.path}: not the same model on a worker",
            hint="put the model where all workers see it, and run again",
        )
    return replace(context, plan=replace(plan, model_file=file))


def _serialize_error(error: Exception) -> bytes:
    """Return an exception for the driver: as it is if that reports it, else its traceback."""
    if isinstance(error, (InputgradError, MemoryError, OSError)):
        return pickle.dumps(error)
    return pickle.dumps(WorkerBugError("".join(traceback.format_exception(error))))


if __name__ == "__main__":
    main()
