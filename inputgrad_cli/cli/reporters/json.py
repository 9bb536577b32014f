"""Reports as JSON on stdout: a run as one line per event, another command as one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inputgrad_cli.cli.reporters.reporter_protocol import (
    CommandEvent,
    DryRunEnd,
    PlannedFiles,
    Result,
)
from inputgrad_cli.cli.terminal_output import write_stdout
from inputgrad_cli.errors import InputgradError
from inputgrad_cli.runs.run_events import Event, ItemEvent, RunStart, RunWarning, Summary


class JsonReporter:
    """Prints the events that have a record; the last line of a run is always `summary`."""

    def report(self, event: CommandEvent) -> None:
        """Print the record of an event."""
        if isinstance(
            event, (RunStart, ItemEvent, RunWarning, Summary, PlannedFiles, DryRunEnd, Result)
        ):
            _print(event.record())

    def remember(self, event: Event) -> None:
        """Do nothing, because the stream has the event already."""

    def report_error(self, error: InputgradError, log: str, summary: Summary) -> None:
        """Print an error that ends the run as `error` and `summary`."""
        fields = {"kind": error.kind, "message": error.format_line(), "exit": summary.exit}
        _print({"type": "error", **fields})
        _print(summary.record())

    def close(self) -> None:
        """Do nothing, because each line is flushed."""


def _print(record: Mapping[str, Any]) -> None:
    from inputgrad_cli.formats.attribution_npz_writer import dump_json  # imports NumPy

    write_stdout(dump_json(record))
