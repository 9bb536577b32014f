"""The process that a shell sees: it starts a worker, watches it, and ends as the worker ends."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from inputgrad_cli.errors import InputgradError
from inputgrad_cli.supervision.crash_reports import CRASHES, Death, Fault
from inputgrad_cli.supervision.earlier_workers import EarlierWorkers
from inputgrad_cli.supervision.guards import make_guards
from inputgrad_cli.supervision.process_end import end_by, end_with
from inputgrad_cli.supervision.shared_page import Page
from inputgrad_cli.supervision.signal_receiver import (
    ECHO,
    ENDING,
    GRACE,
    SignalReceiver,
    block_signals,
)
from inputgrad_cli.supervision.stdout_lines import finish_line
from inputgrad_cli.supervision.temporary_folder import SCRATCH
from inputgrad_cli.supervision.traces import save_trace, write_traces
from inputgrad_cli.supervision.worker import WORKER

EVERY = 0.1  # seconds between two looks at a worker
MARGIN = 2.0  # seconds that a worker has beyond what it is promised, to end by itself
BUG = 70


def supervise() -> None:
    """Return in a process that is to do the work; this one never does, unless it cannot fork."""
    receiver, earlier, alive = SignalReceiver(), EarlierWorkers(), os.pipe()
    while True:
        page = Page()
        worker = _fork(page, earlier, receiver, alive)
        if worker is None:
            return
        watch = Watch(worker, page, receiver)
        code = os.waitstatus_to_exitcode(watch.wait())
        if code == 0 and page.restart_requested and watch.signal is None:
            earlier = earlier.after_request(page)
            continue
        if code >= 0:
            end_with(code)
        earlier = _after(earlier, page, -code, watch)


def _fork(
    page: Page, earlier: EarlierWorkers, receiver: SignalReceiver, alive: tuple[int, int]
) -> int | None:
    """Return the process number of a new worker; None in the process that is to work.

    Nobody writes into the pipe `alive`: it ends with this process, which holds one end alone.
    """
    parent = os.getpid()
    with block_signals():
        try:
            worker = os.fork()
        except OSError:  # no more processes: work here, as if nobody watched
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


def _after(earlier: EarlierWorkers, page: Page, number: int, watch: Watch) -> EarlierWorkers:
    """Return what the next worker is to know after a signal; or end as the last one did."""
    if watch.signal and (watch.fault or number in CRASHES):
        end_by(watch.signal)
    if watch.fault is None and number not in CRASHES:
        end_by(number)
    finish_line(page)
    _wipe_line()
    with suppress(OSError):
        SCRATCH.clear()
    if earlier.failure:  # the one that was to tell it has died too
        with suppress(OSError):
            os.write(2, f"inputgrad: {earlier.failure.sentence()}\n".encode(errors="replace"))
        end_with(BUG)
    if watch.fault:
        return earlier.after(Fault(watch.fault), page)
    log = save_trace()
    new = earlier.after(Death(number, page.stage, page.subject, log), page)
    if log and not new.failure and new.crashed == earlier.crashed:
        Path(log).unlink(missing_ok=True)  # nobody is told of it
    return new


def _wipe_line() -> None:
    """Take away what a worker that died had drawn on the last line of a terminal."""
    with suppress(OSError):
        if os.isatty(2):
            width = os.get_terminal_size(2).columns - 1
            os.write(2, b"\r" + b" " * width + b"\r")


class Watch:
    """A worker under watch: `fault` is what the parent ended it for, `signal` what the user sent.

    It ends the call, also where the worker died of something else before it could.
    """

    def __init__(self, worker: int, page: Page, receiver: SignalReceiver) -> None:
        self.fault: InputgradError | None = None
        self.signal: int | None = None
        self._worker, self._page, self._receiver = worker, page, receiver
        self._guards = make_guards()
        self._began = self._until = 0.0

    def wait(self) -> int:
        """Return the status that the worker ended with."""
        while True:
            for number in self._receiver.wait(EVERY):
                self._hear(number)
            ended, status = os.waitpid(self._worker, os.WNOHANG)
            if ended:
                return status
            self._look()

    def _hear(self, number: int) -> None:
        if number in ENDING:
            self._note(number)
            self._page.pass_on(number)
            os.kill(self._worker, number)
        elif number == signal.SIGTSTP:
            os.kill(self._worker, number)
            self._receiver.stop(number)
        elif number == signal.SIGCONT:
            os.kill(self._worker, number)

    def _note(self, number: int) -> None:
        """Note until when a worker that hears signals would have ended of this one."""
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._began = number, now
            self._until = now + GRACE + MARGIN
        elif number != self.signal or now - self._began > ECHO:
            self.signal, self._until = number, min(self._until, now + MARGIN)

    def _look(self) -> None:
        if self._page.paused:
            os.kill(self._worker, signal.SIGCONT)
        if self.signal is not None and time.monotonic() > self._until:
            os.kill(self._worker, signal.SIGKILL)
        for guard in self._guards if self.fault is None else ():
            self.fault = self.fault or guard.fault(self._worker, self._page)
        if self.fault is not None:
            os.kill(self._worker, signal.SIGKILL)
