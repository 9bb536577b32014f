"""What earlier processes of this very call have done: kept line by line, for one that goes on."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from inputgrad_cli.formats.attribution_npz import dump
from inputgrad_cli.runs.events import Event, ItemDone, Noted, Start, Summary, Warned, is_kept
from inputgrad_cli.supervision.call_notes import Notes

KINDS: dict[str, type[Start | ItemDone | Warned | Noted]] = {
    kind.__name__: kind for kind in (Start, ItemDone, Warned, Noted)
}


AT_ONCE = 1000  # events of a map of many samples that stand in a line


class Recall:
    """The events of a call, those of earlier processes at first, and what of it is done.

    `stems` are those of the maps that were told of, `unmet` the checks of them that do not hold.
    """

    def __init__(self) -> None:
        self._notes = Notes()
        self.events: list[Event] = []
        self.stems: set[str] = set()
        self.unmet = 0
        self.began = time.monotonic()
        self._known: set[Event] = set()
        self._read()

    def _read(self) -> None:
        waiting: list[Event] = []
        for line in self._notes.earlier:
            note = json.loads(line)
            self.began = note.get("began", self.began)
            self.unmet += note.get("unmet", 0)
            self.stems.update(note.get("stems", ()))
            waiting += [_event(*one) for one in note.get("events", ())]
            if not note.get("more"):
                self.events += waiting
                waiting.clear()
        self._known.update(event for event in self.events if not isinstance(event, ItemDone))
        if not self._notes.earlier:
            self._note(began=self.began)

    def fresh(
        self, events: Iterable[Event], stems: Sequence[str] = (), unmet: int = 0
    ) -> list[Event]:
        """Return those events that are not known yet, and keep them: they are told next.

        `stems` are those of the maps that the events tell of, all that there is of them.
        """
        new = [event for event in events if isinstance(event, ItemDone) or not self._knows(event)]
        self.stems.update(stems)
        kept = [event for event in new if is_kept(event)]
        while len(kept) > AT_ONCE:
            self._note(events=_written(kept[:AT_ONCE]), more=True)
            del kept[:AT_ONCE]
        if kept or stems:
            self._note(events=_written(kept), stems=list(stems), unmet=unmet)
        return new

    def counts(self) -> Counter[str]:
        """Return how many events of items there were of each status, and the checks not met."""
        items = (event for event in self.events if isinstance(event, ItemDone))
        return Counter(event.status for event in items) + Counter(unmet=self.unmet)

    def failed(self) -> set[str]:
        """Return the names of the items that failed, as the stream tells them."""
        items = (event for event in self.events if isinstance(event, ItemDone))
        return {event.fields["input"] for event in items if event.status == "failed"}

    def summary(self, code: int) -> Summary:
        """Return the end of a call that earlier processes alone worked on."""
        done, seconds = self.counts(), time.monotonic() - self.began
        return Summary(done["ok"], done["failed"], done["skipped"], seconds, code)

    def _knows(self, event: Event) -> bool:
        if isinstance(event, Start):  # a directory may have got another file since
            return any(isinstance(known, Start) for known in self._known)
        return event in self._known

    def _note(self, **note: Any) -> None:
        self._notes.add(dump(note).encode())


def _written(events: Sequence[Event]) -> list[list[Any]]:
    return [[type(event).__name__, _fields(event)] for event in events]


def _fields(event: Event) -> dict[str, Any]:
    return dict(event.fields) if isinstance(event, ItemDone) else dict(vars(event))


def _event(kind: str, fields: dict[str, Any]) -> Event:
    return ItemDone(fields) if kind == ItemDone.__name__ else KINDS[kind](**fields)
