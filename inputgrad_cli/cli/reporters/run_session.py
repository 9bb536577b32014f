"""Runs a plan, passes its events to the reporters and keeps the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from inputgrad_cli.cli import terminal_output
from inputgrad_cli.cli.error_exit_codes import as_inputgrad_error, get_exit_code, print_error
from inputgrad_cli.cli.reporters.reporter_protocol import (
    DryRunEnd,
    EngineLog,
    PlannedFiles,
    Reporter,
    RunPreparation,
    Stop,
)
from inputgrad_cli.cli.signals import StopSignals
from inputgrad_cli.errors import InputgradError, StorageError
from inputgrad_cli.runs.run_events import Event, Progress, RunStart, Summary, is_sent_once
from inputgrad_cli.supervision.worker_state_reporting import WORKER
from inputgrad_cli.version import __version__

if TYPE_CHECKING:
    from inputgrad_cli.runs.events_across_restarts import EarlierEvents
    from inputgrad_cli.runs.planning.run_plan import Plan
    from inputgrad_cli.runs.run_loop import Run


@contextmanager
def open_session(reporter: Reporter) -> Iterator[Session]:
    """Report an error that ends the whole run, and keep its exit code in the session."""
    session = Session(reporter)
    with ExitStack() as stack:
        stack.callback(_close_after_error, reporter)
        try:
            yield session
            stack.pop_all()  # it is closed here instead, where its error is reported
            reporter.close()
        except (BrokenPipeError, click.ClickException, click.Abort, click.exceptions.Exit):
            raise  # the entry point reports these, because they are no errors of the run
        except Exception as error:
            session.report_error(as_inputgrad_error(error))


def _close_after_error(reporter: Reporter) -> None:
    """Close a reporter, and only print its error, because another one has ended the call."""
    try:
        reporter.close()
    except StorageError as error:
        print_error(error)


class Session:
    """One call of `saliency`: its run, its reporter and its exit code."""

    def __init__(self, reporter: Reporter) -> None:
        self.code = 0
        self._reporter = reporter
        self._current_run: Run | None = None
        self._earlier: EarlierEvents | None = None

    def replay_earlier(self) -> None:
        """Process the events of earlier worker processes of this call.

        Raises the failure that ended the last of them, if one did.
        """
        if not WORKER.earlier.worker_count:
            return
        from inputgrad_cli.runs.events_across_restarts import EarlierEvents

        self._earlier = EarlierEvents()
        for index, event in enumerate(self._earlier.events):
            if index < WORKER.earlier.reported:
                self._reporter.remember(event)
            else:
                self._report(event)
        WORKER.raise_failure()

    def show_plan(self, plan: Plan) -> None:
        """Report every source and destination, and compute nothing."""
        from inputgrad_cli.runs.planning.dry_run_files import yield_planned_maps

        self._reporter.report(RunStart(__version__, str(plan.options.model), len(plan.share)))
        maps = list(yield_planned_maps(plan))
        for planned in maps:
            self._reporter.report(PlannedFiles(planned))
        self._reporter.report(DryRunEnd(len(maps), sum(planned.size for planned in maps)))

    def run(self, plan: Plan) -> None:
        """Run the plan; a signal ends it after the current batch."""
        from inputgrad_cli.interfaces.engine import ProgressCallbacks
        from inputgrad_cli.runs.run_loop import Run  # late, so that a refused call is quick

        with StopSignals(self._reporter.close, self._report_stop) as signals:
            self._report(Progress(0, len(plan.share)))
            name_width = max(map(len, plan.inputs.yield_names()))
            self._reporter.report(RunPreparation(name_width, plan.inputs.ignored_count))
            self._current_run = Run(
                plan,
                signals.was_received,
                ProgressCallbacks(terminal_output.set_stage, terminal_output.update_samples),
                self._earlier,
            )
            for event in self._current_run.yield_events():
                self._report(event)
            self._reporter.report(EngineLog(self._current_run.captured_output))
            if signals.was_received():
                self._report_stop()
            signals.raise_again()

    def report_error(self, error: InputgradError) -> None:
        """Report the error that ends the run."""
        self.code = get_exit_code(error)
        log = self._current_run.captured_output if self._current_run else ""
        self._reporter.report_error(error, log, self._build_summary(self.code))

    def _build_summary(self, code: int) -> Summary:
        """Return the summary of the run so far."""
        counted = self._current_run or self._earlier
        return counted.build_summary(code) if counted else Summary(0, 0, 0, 0.0, code)

    def _report_stop(self) -> None:
        self._reporter.report(Stop())

    def _report(self, event: Event) -> None:
        if isinstance(event, Summary):
            self.code = event.exit
        # If this process dies while it reports, its successor learns from the page how far it came.
        page = WORKER.page if is_sent_once(event) else None
        if page:
            page.begin_event()
        self._reporter.report(event)
        if page:
            page.end_event()
