"""The events of a run, and their records, one per line of the machine stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inputgrad_cli.errors import InputgradError
from inputgrad_cli.schema.json_type_alias import JsonObject

if TYPE_CHECKING:  # not imported by --help
    from inputgrad_cli.optimization.summaries.run_summary import SearchSummary

SCHEMA = 1  # version of the machine stream
STRONGEST = "strongest"  # the field of an item with its largest parts
TOP_CLASSES = "top_classes"  # that with its classes of largest probability
PREVIEW = "preview"  # that with the columns or tokens that a terminal shows
MAX_PREVIEWS = 8  # samples that a call shows on a terminal
# Fields that the contract of the stream does not name.
FOR_PEOPLE = (STRONGEST, TOP_CLASSES, PREVIEW)


@dataclass(frozen=True)
class RunStart:
    """The run begins; the model is loaded next."""

    version: str
    model: str
    items: int

    def record(self) -> JsonObject:
        """Return the line of the machine stream."""
        return {
            "type": "start",
            "schema": SCHEMA,
            "version": self.version,
            "model": self.model,
            "items": self.items,
        }


@dataclass(frozen=True)
class ItemEvent:
    """One sample of one map is done, skipped or failed; `fields` are those of the contract."""

    fields: Mapping[str, Any]

    def record(self) -> JsonObject:
        """Return the line of the machine stream."""
        target = {k: v for k, v in self.fields["target"].items() if k != "class"}
        fields = {k: v for k, v in self.fields.items() if k not in FOR_PEOPLE}
        return {"type": "item", **fields, "target": target}

    @property
    def status(self) -> str:
        """Return `ok`, `failed` or `skipped`."""
        return str(self.fields["status"])


@dataclass(frozen=True)
class RunWarning:
    """A warning about the run or one of its inputs."""

    code: str
    message: str
    input: str | None = None

    def record(self) -> JsonObject:
        """Return the line of the machine stream."""
        return {"type": "warning", "code": self.code, "message": self.message, "input": self.input}


@dataclass(frozen=True)
class RunNote:
    """A note for verbose output, or for all output if `loud`; not on the stream."""

    message: str
    loud: bool = False


@dataclass(frozen=True)
class Progress:
    """How many items are done, and how many of those an earlier run has done; not on the stream."""

    done: int
    total: int
    skipped: int = 0


@dataclass(frozen=True)
class Summary:
    """The end of a run; `searches` has what the searches of each goal and target came to."""

    ok: int
    failed: int
    skipped: int
    seconds: float
    exit: int
    searches: tuple[SearchSummary, ...] = ()

    def record(self) -> JsonObject:
        """Return the line of the machine stream."""
        return {
            "type": "summary",
            "ok": self.ok,
            "failed": self.failed,
            "skipped": self.skipped,
            "seconds": round(self.seconds, 3),
            "exit": self.exit,
            **({"searches": [s.to_json() for s in self.searches]} if self.searches else {}),
        }


Event = RunStart | ItemEvent | RunWarning | RunNote | Progress | Summary


def is_sent_once(event: Event) -> bool:
    """Return whether an event is sent once per call, however many processes work on the call."""
    return not isinstance(event, (Progress, Summary))


def to_error_fields(error: InputgradError) -> dict[str, str]:
    """Return the fields of an error, as an item event has them."""
    return {"kind": error.kind, "message": error.format_line()}
