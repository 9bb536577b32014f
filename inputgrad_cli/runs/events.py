"""What a run tells while it goes: one frozen value an event, one record a line of the stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.errors import InputgradError

SCHEMA = 1


@dataclass(frozen=True)
class Start:
    """The run begins; the model is loaded next."""

    version: str
    model: str
    items: int

    def record(self) -> dict[str, Any]:
        """Return the line of the machine stream."""
        return {
            "type": "start",
            "schema": SCHEMA,
            "version": self.version,
            "model": self.model,
            "items": self.items,
        }


@dataclass(frozen=True)
class ItemDone:
    """One sample of one map is done, skipped or failed; `fields` are those of the contract."""

    fields: Mapping[str, Any]

    def record(self) -> dict[str, Any]:
        """Return the line of the machine stream."""
        target = {k: v for k, v in self.fields["target"].items() if k != "class"}
        return {"type": "item", **self.fields, "target": target}

    @property
    def status(self) -> str:
        """Return `ok`, `failed` or `skipped`."""
        return str(self.fields["status"])


@dataclass(frozen=True)
class Warned:
    """Something that a reader of the results should know."""

    code: str
    message: str
    input: str | None = None

    def record(self) -> dict[str, Any]:
        """Return the line of the machine stream."""
        return {"type": "warning", "code": self.code, "message": self.message, "input": self.input}


@dataclass(frozen=True)
class Noted:
    """Something for people who ask for more words, if `loud` for all; not on the stream."""

    message: str
    loud: bool = False


@dataclass(frozen=True)
class Progress:
    """So many items are through, some of them by an earlier run; not on the stream."""

    done: int
    total: int
    skipped: int = 0


@dataclass(frozen=True)
class Summary:
    """The end of a run."""

    ok: int
    failed: int
    skipped: int
    seconds: float
    exit: int

    def record(self) -> dict[str, Any]:
        """Return the line of the machine stream."""
        return {
            "type": "summary",
            "ok": self.ok,
            "failed": self.failed,
            "skipped": self.skipped,
            "seconds": round(self.seconds, 3),
            "exit": self.exit,
        }


Event = Start | ItemDone | Warned | Noted | Progress | Summary


def is_kept(event: Event) -> bool:
    """Return whether an event is told once a call, however many processes work on it."""
    return not isinstance(event, (Progress, Summary))


def failure(error: InputgradError) -> dict[str, str]:
    """Return an error as it stands in an item."""
    return {"kind": error.kind, "message": error.sentence()}
