"""Keeps the events of a call on disk, so that a restarted process can continue the call."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from inputgrad_cli.formats.attribution_npz_writer import dump_json
from inputgrad_cli.runs.run_events import (
    Event,
    ItemEvent,
    RunNote,
    RunStart,
    RunWarning,
    Summary,
    is_sent_once,
)
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.supervision.successor_notes import CallNotes

KINDS: dict[str, type[RunStart | ItemEvent | RunWarning | RunNote]] = {
    kind.__name__: kind for kind in (RunStart, ItemEvent, RunWarning, RunNote)
}


EVENTS_PER_LINE = 1000  # limits the length of a line for maps of many samples


class EarlierEvents:
    """The events of a call, starting with those of its earlier processes.

    `stems` are the stems of the maps that its earlier processes have reported, `unmet` is how many
    of their checks do not hold.
    """

    def __init__(self) -> None:
        self._notes = CallNotes()
        self.events: list[Event] = []
        self.stems: set[str] = set()
        self.unmet = 0
        self.began = time.monotonic()
        self._known: set[Event] = set()
        self._read()

    def _read(self) -> None:
        waiting: list[Event] = []
        for line in self._notes.earlier_lines:
            note = json.loads(line)
            self.began = note.get("began", self.began)
            self.unmet += note.get("unmet", 0)
            self.stems.update(note.get("stems", ()))
            waiting += [_build_event(*row) for row in note.get("events", ())]
            if not note.get("more"):  # the events of a map count only once all are there
                self.events += waiting
                waiting.clear()
        self._known.update(event for event in self.events if not isinstance(event, ItemEvent))
        if not self._notes.earlier_lines:
            # The seconds of the summary count from the start of the first process.
            self._note(began=self.began)

    def keep_new(
        self, events: Iterable[Event], stems: Sequence[str] = (), unmet: int = 0
    ) -> list[Event]:
        """Keep the events that are not known yet, and return them to be reported.

        `stems` are the stems of the maps whose events are complete with these.
        """
        new = [
            event for event in events if isinstance(event, ItemEvent) or not self._is_known(event)
        ]
        sent_once = [event for event in new if is_sent_once(event)]
        while len(sent_once) > EVENTS_PER_LINE:
            self._note(events=_serialize_events(sent_once[:EVENTS_PER_LINE]), more=True)
            del sent_once[:EVENTS_PER_LINE]
        if sent_once or stems:
            self._note(events=_serialize_events(sent_once), stems=list(stems), unmet=unmet)
        return new

    def count_events(self) -> Counter[str]:
        """Count the item events by status, and the checks that do not hold (`unmet`)."""
        items = (event for event in self.events if isinstance(event, ItemEvent))
        return Counter(event.status for event in items) + Counter(unmet=self.unmet)

    def list_failed_inputs(self) -> set[str]:
        """Return the names of the items that failed, as written in the stream."""
        items = (event for event in self.events if isinstance(event, ItemEvent))
        return {event.fields["input"] for event in items if event.status == "failed"}

    def build_summary(self, code: int) -> Summary:
        """Build the summary of a call whose work was done by earlier processes alone."""
        counts, seconds = self.count_events(), time.monotonic() - self.began
        return Summary(counts["ok"], counts["failed"], counts["skipped"], seconds, code)

    def _is_known(self, event: Event) -> bool:
        if isinstance(event, RunStart):  # the count may differ if a directory has new files
            return any(isinstance(known, RunStart) for known in self._known)
        return event in self._known

    def _note(self, **note: Any) -> None:
        self._notes.add(dump_json(note).encode())


def _serialize_events(events: Sequence[Event]) -> list[list[Any]]:
    return [[type(event).__name__, _get_fields(event)] for event in events]


def _get_fields(event: Event) -> JsonObject:
    return dict(event.fields) if isinstance(event, ItemEvent) else dict(vars(event))


def _build_event(kind: str, fields: JsonObject) -> Event:
    return ItemEvent(fields) if kind == ItemEvent.__name__ else KINDS[kind](**fields)
