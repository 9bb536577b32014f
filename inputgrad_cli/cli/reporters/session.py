"""Runs a plan, passes its events to the reporters and keeps the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inputgrad_cli.cli import terminal
from inputgrad_cli.cli.exit_codes import get_exit_code
from inputgrad_cli.cli.signals import StopSignals
from inputgrad_cli.errors import InputgradError
from inputgrad_cli.runs.events import Event, Summary, is_sent_once
from inputgrad_cli.supervision.worker import WORKER

if TYPE_CHECKING:
    from inputgrad_cli.cli.reporters.junit import JunitReporter
    from inputgrad_cli.cli.reporters.text_and_json import TextReporter
    from inputgrad_cli.runs.earlier_events import EarlierEvents
    from inputgrad_cli.runs.planning.plan import Plan
    from inputgrad_cli.runs.run import Run


class Session:
    """One call of `saliency`: its run, its reporters and its exit code."""

    def __init__(self, reporter: TextReporter) -> None:
        self.code = 0
        self.current_run: Run | None = None
        self._reporter = reporter
        self._junit: JunitReporter | None = None
        self._earlier: EarlierEvents | None = None

    def open_junit(self, path: Path | None, strict: bool) -> None:
        """Also report the events to a JUnit file if a path is given; UsageError."""
        if path:
            from inputgrad_cli.cli.reporters.junit import JunitReporter

            self._junit = JunitReporter(path, strict)

    def replay_earlier(self) -> None:
        """Process the events of earlier worker processes of this call.

        Raises the failure that ended the last of them, if one did.
        """
        if not WORKER.earlier.worker_count:
            return
        from inputgrad_cli.runs.earlier_events import EarlierEvents

        self._earlier = EarlierEvents()
        for index, event in enumerate(self._earlier.events):
            if index < WORKER.earlier.reported:
                self._record(event)
                self._reporter.remember(event)
            else:
                self._report(event)
        WORKER.raise_failure()

    def run(self, plan: Plan) -> None:
        """Run the plan; a signal ends it after the current batch."""
        from inputgrad_cli.interfaces.engine import ProgressCallbacks
        from inputgrad_cli.runs.run import Run  # late, so that a refused call is quick

        with StopSignals(self.close, self._reporter.report_stop) as signals:
            self._reporter.prepare(plan)
            self.current_run = Run(
                plan,
                signals.was_received,
                ProgressCallbacks(terminal.set_stage, terminal.update_samples),
                self._earlier,
            )
            for event in self.current_run.yield_events():
                self._report(event)
            self._reporter.print_log(self.current_run.captured_output)
            if signals.was_received():
                self._reporter.report_stop()
            signals.raise_again()

    def build_summary(self, code: int) -> Summary:
        """Return the summary of the run so far."""
        counted = self.current_run or self._earlier
        return counted.build_summary(code) if counted else Summary(0, 0, 0, 0.0, code)

    def _report(self, event: Event) -> None:
        self._record(event)
        # If this process dies while it reports, its successor learns from the page how far it came.
        page = WORKER.page if is_sent_once(event) else None
        if page:
            page.reporting = True
        self._reporter.report(event)
        if page:
            page.reporting = False
            page.reported += 1

    def _record(self, event: Event) -> None:
        if self._junit:
            self._junit.report(event)
        if isinstance(event, Summary):
            self.code = event.exit
            self.close()  # first, so that a failed write is reported before the summary

    def record_error(self, error: InputgradError) -> None:
        """Record the error that ends the run."""
        self.code = get_exit_code(error)
        if self._junit:
            self._junit.report_error(error)

    def close(self) -> None:
        """Write the JUnit file, if it is not yet written; StorageError."""
        junit, self._junit = self._junit, None
        if junit:
            junit.write()
