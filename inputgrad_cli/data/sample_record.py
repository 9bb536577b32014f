"""Holds the record of one sample of a map: its target, its scores and its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inputgrad_cli.schema.metadata_json import Checks

UnitIndex = list[int] | list[list[int]] | None
"""The index of a unit; a list of two for a margin, None if the target has no units."""


# A file of a million samples has as many records; slots spare each a dictionary.
@dataclass(frozen=True, slots=True)
class SampleRecord:
    """What is recorded of one sample of a map.

    `asked` is the target as requested; the other fields of the target say what was explained.
    `scores` are those of all classes, for the target `all`. `tokens` are the words or ids of the
    inputs that go through an embedding, by input. `search` says how a search has ended, and what
    the model gives before and after it; the score is then that after it. `prediction` is what the
    model gives, whatever the target: the name of the top class, else the only value; it stands in
    tables of results, not in the metadata. `top_classes` are those of largest probability with
    theirs, if people are to see them; they stand in no file.
    """

    asked: str
    space: str
    checks: Checks
    output: str | None = None
    index: UnitIndex = None
    label: str | None = None
    class_index: int | None = None
    score: float | None = None
    baseline_score: float | None = None
    probability: float | None = None
    scores: Sequence[float | None] | None = None
    tokens: Mapping[str, Sequence[Any]] | None = None
    search: Mapping[str, Any] | None = None
    prediction: str | float | None = field(default=None, compare=False)
    top_classes: Sequence[tuple[str, float]] = field(default=(), compare=False)

    def to_json(self) -> dict[str, object]:
        """Return the fields as `metadata.json` holds them for a map of a single sample."""
        fields: dict[str, object] = {
            "target": self.to_target_json(),
            **{key: getattr(self, key) for key in SAMPLE_KEYS},
        }
        return fields | {key: getattr(self, key) for key in self.list_extra_keys()}

    def to_target_json(self) -> dict[str, object]:
        """Return the target, as records and the stream of events hold it."""
        return {key: getattr(self, name) for key, name in TARGET_NAMES.items()}

    def list_extra_keys(self) -> list[str]:
        """Return the keys that only some records have, and this one does."""
        return [key for key in EXTRA_KEYS if getattr(self, key) is not None]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SampleRecord:
        """Return the record of a sample from what `to_json` returns; older keys may be missing."""
        fields = {key: stored[key] for key in (*SAMPLE_KEYS, *EXTRA_KEYS) if key in stored}
        target = {TARGET_NAMES[k]: v for k, v in stored["target"].items() if k in TARGET_NAMES}
        return cls(**fields, **target)


# The keys on disk, in the order of the file; those of the target stand in an object of their own.
TARGET_NAMES = {
    "asked": "asked",
    "output": "output",
    "index": "index",
    "label": "label",
    "class": "class_index",
}
SAMPLE_KEYS = ("space", "score", "baseline_score", "probability", "checks")
EXTRA_KEYS = ("scores", "tokens", "search")
SHARED_KEYS = ("asked", "output", "space")  # stored once if all samples of a map share the value
