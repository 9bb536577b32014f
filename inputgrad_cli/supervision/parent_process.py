"""The parent process: it starts a worker, watches it, and ends in the same way as the worker."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from inputgrad_cli.errors import InputgradError
from inputgrad_cli.supervision.crash_safe_stdout_lines import finish_line
from inputgrad_cli.supervision.crash_tracebacks import save_trace, write_traces
from inputgrad_cli.supervision.immediate_process_exit import end_by_signal, exit_with
from inputgrad_cli.supervision.parent_guards import make_guards
from inputgrad_cli.supervision.shared_memory_page import Page
from inputgrad_cli.supervision.signal_forwarding import (
    ECHO_SECONDS,
    ENDING_SIGNALS,
    GRACE_SECONDS,
    SignalReceiver,
    block_signals,
)
from inputgrad_cli.supervision.temporary_folder import TEMPORARY_FOLDER
from inputgrad_cli.supervision.worker_crash_history import EarlierWorkers
from inputgrad_cli.supervision.worker_death_errors import CRASH_REASONS, Crash, GuardFault
from inputgrad_cli.supervision.worker_state_reporting import WORKER

POLL_SECONDS = 0.1  # between two checks of a worker
MARGIN_SECONDS = 2.0  # beyond the grace period of a worker, so that it can end by itself
BUG_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h


def supervise() -> None:
    """Fork workers until one ends the call.

    Returns only in the workers, which then run the command, or if this process cannot fork.
    """
    receiver, earlier, alive = SignalReceiver(), EarlierWorkers(), os.pipe()
    while True:
        page = Page()
        worker = _fork(page, earlier, receiver, alive)
        if worker is None:
            return
        watch = WorkerWatch(worker, page, receiver)
        code = os.waitstatus_to_exitcode(watch.wait())
        if code == 0 and page.restart_requested and watch.signal is None:
            earlier = earlier.record_restart(page)
            continue
        if code >= 0:
            exit_with(code)
        earlier = _record_signal_end(earlier, page, -code, watch)


def _fork(
    page: Page, earlier: EarlierWorkers, receiver: SignalReceiver, alive: tuple[int, int]
) -> int | None:
    """Return the PID of a new worker; None in the process that runs the command.

    Nothing is written to the pipe `alive`. Only this process holds its write end, so that the
    worker reads the end of the file when this process is gone.
    """
    parent = os.getpid()
    with block_signals():
        try:
            worker = os.fork()
        except OSError:  # no more processes are allowed: run the command here, without a parent
            receiver.close()
            WORKER.earlier = earlier
            return None
        if worker == 0:
            receiver.close()
            os.close(alive[1])
            WORKER.begin(page, earlier, parent, alive[0])
            write_traces()
            return None
    return worker


def _record_signal_end(
    earlier: EarlierWorkers, page: Page, signal_number: int, watch: WorkerWatch
) -> EarlierWorkers:
    """Return the state for the next worker after a crash; otherwise end by the same signal."""
    if watch.signal and (watch.fault or signal_number in CRASH_REASONS):
        end_by_signal(watch.signal)
    if watch.fault is None and signal_number not in CRASH_REASONS:
        end_by_signal(signal_number)
    finish_line(page)
    _wipe_line()
    with suppress(OSError):
        TEMPORARY_FOLDER.clear()
    if earlier.failure:  # the worker that should have reported it has died too
        with suppress(OSError):
            os.write(2, f"inputgrad: {earlier.failure.format_line()}\n".encode(errors="replace"))
        exit_with(BUG_EXIT_CODE)
    if watch.fault:
        return earlier.record_end(GuardFault(watch.fault), page)
    log = save_trace()
    new = earlier.record_end(Crash(signal_number, page.stage, page.subject, log), page)
    if log and not new.failure and new.crashed == earlier.crashed:
        Path(log).unlink(missing_ok=True)  # no error refers to it
    return new


def _wipe_line() -> None:
    """Clear the last line of a terminal, on which a dead worker may have left its progress."""
    with suppress(OSError):
        if os.isatty(2):
            width = os.get_terminal_size(2).columns - 1
            os.write(2, b"\r" + b" " * width + b"\r")


class WorkerWatch:
    """Watches a worker until it ends.

    `fault` is the error for which the parent ended it. `signal` is what the user sent; it ends the
    call even if the worker died of something else first.
    """

    def __init__(self, worker: int, page: Page, receiver: SignalReceiver) -> None:
        self.fault: InputgradError | None = None
        self.signal: int | None = None
        self._worker, self._page, self._receiver = worker, page, receiver
        self._guards = make_guards()
        self._first_signal_time = self._deadline = 0.0

    def wait(self) -> int:
        """Return the wait status of the worker, once it has ended."""
        while True:
            for signal_number in self._receiver.wait(POLL_SECONDS):
                self._handle_signal(signal_number)
            ended, status = os.waitpid(self._worker, os.WNOHANG)
            if ended:
                return status
            self._check_worker()

    def _handle_signal(self, signal_number: int) -> None:
        if signal_number in ENDING_SIGNALS:
            self._set_deadline(signal_number)
            self._page.count_signal(signal_number)
            os.kill(self._worker, signal_number)
        elif signal_number == signal.SIGCONT:
            os.kill(self._worker, signal_number)

    def _set_deadline(self, signal_number: int) -> None:
        """Set the time until which a worker that handles signals must have ended."""
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._first_signal_time = signal_number, now
            self._deadline = now + GRACE_SECONDS + MARGIN_SECONDS
        elif signal_number != self.signal or now - self._first_signal_time > ECHO_SECONDS:
            self.signal = signal_number
            self._deadline = min(self._deadline, now + MARGIN_SECONDS)

    def _check_worker(self) -> None:
        if self._page.paused:  # the worker stopped itself with this process, which runs again
            os.kill(self._worker, signal.SIGCONT)
        if self.signal is not None and time.monotonic() > self._deadline:
            os.kill(self._worker, signal.SIGKILL)
        for guard in self._guards if self.fault is None else ():
            self.fault = self.fault or guard.find_fault(self._worker, self._page)
        if self.fault is not None:
            os.kill(self._worker, signal.SIGKILL)
