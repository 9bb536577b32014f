"""A run under way: its events go to the user and, if wanted, into a JUnit file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inputgrad_cli.cli import terminal
from inputgrad_cli.cli.exit_codes import exit_code
from inputgrad_cli.cli.signals import Signals
from inputgrad_cli.errors import InputgradError
from inputgrad_cli.runs.events import Event, Summary, is_kept
from inputgrad_cli.supervision.worker import WORKER

if TYPE_CHECKING:
    from inputgrad_cli.cli.reporters.junit import Junit
    from inputgrad_cli.cli.reporters.text_and_json import Show
    from inputgrad_cli.runs.earlier_events import Recall
    from inputgrad_cli.runs.planning.plan import Plan
    from inputgrad_cli.runs.run import Run


class Outcome:
    """A run under way, and the exit code it comes to."""

    def __init__(self, show: Show) -> None:
        self.code = 0
        self.started: Run | None = None
        self._show = show
        self._junit: Junit | None = None
        self._recall: Recall | None = None

    def keep(self, junit: Path | None, strict: bool) -> None:
        """Write what happens to a JUnit file as well; UsageError."""
        if junit:
            from inputgrad_cli.cli.reporters.junit import Junit

            self._junit = Junit(junit, strict)

    def recall(self) -> None:
        """Take in what earlier processes of this call did; raises what ended the last of them."""
        if not WORKER.earlier.workers:
            return
        from inputgrad_cli.runs.earlier_events import Recall

        self._recall = Recall()
        for number, event in enumerate(self._recall.events):
            if number < WORKER.earlier.reported:
                self._take(event)
                self._show.remember(event)
            else:
                self._tell(event)
        WORKER.raise_failure()

    def run(self, plan: Plan) -> None:
        """Carry out the plan; a signal ends it after the batch under way."""
        from inputgrad_cli.interfaces.engine import Telling
        from inputgrad_cli.runs.run import Run  # a call that is refused need not wait for it

        with Signals(self.close, self._show.stopped) as signals:
            self._show.expect(plan)
            self.started = Run(
                plan, signals.came, Telling(terminal.stage, terminal.part), self._recall
            )
            for event in self.started.events():
                self._tell(event)
            self._show.noise(self.started.noise)
            if signals.came():
                self._show.stopped()
            signals.pass_on()

    def summary(self, code: int) -> Summary:
        """Return the end of the run so far."""
        known = self.started or self._recall
        return known.summary(code) if known else Summary(0, 0, 0, 0.0, code)

    def _tell(self, event: Event) -> None:
        self._take(event)
        page = WORKER.page if is_kept(event) else None
        if page:
            page.reporting = True
        self._show.event(event)
        if page:
            page.reporting = False
            page.reported += 1

    def _take(self, event: Event) -> None:
        if self._junit:
            self._junit.event(event)
        if isinstance(event, Summary):
            self.code = event.exit
            self.close()  # a file that cannot be written is told before the summary

    def end(self, error: InputgradError) -> None:
        """Take in the error that ends the run."""
        self.code = exit_code(error)
        if self._junit:
            self._junit.error(error)

    def close(self) -> None:
        """Write the JUnit file, once; StorageError."""
        junit, self._junit = self._junit, None
        if junit:
            junit.write()
