"""The protocol of the reporters, and the events of commands that are not those of a run.

A command sends events, and each reporter shows those that it has a form for: as text, as JSON or
as JUnit XML. A new reporter is one file with a class that has the methods of `Reporter`, and a line
in `choose.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from inputgrad_cli.errors import InputgradError
from inputgrad_cli.runs.run_events import Event, ItemEvent, Summary

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.dry_run_files import PlannedMap


def format_nothing(width: int) -> str:
    """Return the text of a result that has none."""
    return ""


@dataclass(frozen=True)
class Result:
    """What a command prints: one JSON object, or the text for a page of the given width.

    `notes` are lines for stderr that go with the text; the JSON object has what they say.
    """

    fields: Mapping[str, Any]
    format_text: Callable[[int], str] = format_nothing
    notes: tuple[str, ...] = ()

    def record(self) -> Mapping[str, Any]:
        """Return the JSON object."""
        return self.fields


@dataclass(frozen=True)
class TextLine:
    """A line for stdout that is printed before the result is complete; not in JSON."""

    text: str


@dataclass(frozen=True)
class Notice:
    """A line for stderr, whatever is printed on stdout."""

    text: str


@dataclass(frozen=True)
class RunPreparation:
    """What is known of a planned run: the width of the longest name, and the ignored files."""

    name_width: int
    ignored_count: int


@dataclass(frozen=True)
class PlannedFiles:
    """The files that one map would have; sent by a dry run only."""

    planned: PlannedMap

    def record(self) -> Mapping[str, Any]:
        """Return the line of the machine stream."""
        from inputgrad_cli.runs.item_event_fields import (
            build_planned_fields,  # not imported by --help
        )

        return ItemEvent(build_planned_fields(self.planned)).record()


@dataclass(frozen=True)
class DryRunEnd:
    """The end of a dry run: the number of maps, and the size of their arrays."""

    maps: int
    bytes: int

    def record(self) -> Mapping[str, Any]:
        """Return the line of the machine stream."""
        # Every stream ends with a summary; a dry run has done nothing.
        return Summary(0, 0, 0, 0.0, 0).record()


@dataclass(frozen=True)
class EngineLog:
    """What TensorFlow wrote while the run worked."""

    text: str


@dataclass(frozen=True)
class Stop:
    """A signal ends the run."""


CommandEvent = (
    Event
    | Result
    | TextLine
    | Notice
    | RunPreparation
    | PlannedFiles
    | DryRunEnd
    | EngineLog
    | Stop
)


class Reporter(Protocol):
    """Shows events in one form."""

    def report(self, event: CommandEvent) -> None:
        """Show one event, if this form has it."""

    def remember(self, event: Event) -> None:
        """Count an event that an earlier process of this call has already reported."""

    def report_error(self, error: InputgradError, log: str, summary: Summary) -> None:
        """Show the error that ends the run; `log` is what TensorFlow wrote before it."""

    def close(self) -> None:
        """Write what is not yet written; StorageError."""


class Reporters:
    """Several reporters that get each event, one after the other."""

    def __init__(self, *members: Reporter) -> None:
        self._members = list(members)

    def add_first(self, reporter: Reporter) -> None:
        """Add a reporter before the others."""
        self._members.insert(0, reporter)

    def add_last(self, reporter: Reporter) -> None:
        """Add a reporter after the others."""
        self._members.append(reporter)

    def report(self, event: CommandEvent) -> None:
        """Show one event."""
        for member in self._members:
            member.report(event)

    def remember(self, event: Event) -> None:
        """Count an event that an earlier process of this call has already reported."""
        for member in self._members:
            member.remember(event)

    def report_error(self, error: InputgradError, log: str, summary: Summary) -> None:
        """Show the error that ends the run."""
        for member in self._members:
            member.report_error(error, log, summary)

    def close(self) -> None:
        """Write what is not yet written; StorageError."""
        for member in self._members:
            member.close()
