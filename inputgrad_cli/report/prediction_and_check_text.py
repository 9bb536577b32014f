"""Says in words what the model predicts, and which checks of a map do not hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.data.pictures.caption import PERCENT
from inputgrad_cli.data.prediction_text import PIXEL_UNIT, format_answer, format_percent
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.runs.item_event_fields import list_unmet_checks

SEPARATOR = " · "
SEARCH_WORDS = {"failed": "not reached", "already": "already there, not moved"}


@dataclass(frozen=True)
class Answer:
    """What the model gave for a sample: in words, and the numbers by which items are sorted."""

    text: str
    label: str
    score: float | None
    probability: float | None
    gap: float | None


def describe_answer(sample: SampleRecord) -> Answer:
    """Return what the model gave; records of damaged files may lack any of it."""
    gap = _to_number(_get_mapping(sample.checks, "completeness").get("gap"))
    score, probability = _to_number(sample.score), _to_number(sample.probability)
    if sample.search is not None:
        return _describe_search(sample.search, score)
    label = str(sample.label or "")
    parts = [label] if label else []
    parts += [] if probability is None else [format_percent(probability, unit=PERCENT)]
    parts += [] if score is None else [f"{sample.space} {score:.4g}"]
    text = SEPARATOR.join(parts)
    return Answer(text, label, score=score, probability=probability, gap=gap)


def _describe_search(search: Mapping[str, Any], score: float | None) -> Answer:
    before, after = (format_answer(search[key], PERCENT) for key in ("before", "after"))
    word = SEARCH_WORDS.get(search["search"])
    text = before if search["search"] == "already" else f"{before} → {after}"
    distances = search["distances"]
    # Those of pictures are shares of the range of pixels, as everywhere else.
    sizes = f"L2 {distances.get('fractions', distances)['l2']:.3g}"
    sizes += f" ({PIXEL_UNIT})" if "fractions" in distances else ""
    parts = [text, word] if word else [text]
    label = search["after"]["label"]
    return Answer(
        SEPARATOR.join([*parts, sizes]),
        str(label) if label is not None else "",
        score=score,
        probability=_to_number(search["after"]["probability"]),
        gap=None,
    )


def describe_checks(sample: SampleRecord) -> Sequence[str]:
    """Return a sentence for each check that does not hold, and for a map that is all zero."""
    checks, unmet = sample.checks, list_unmet_checks(sample.checks)
    notes = []
    if "finite" in unmet:
        notes.append("Some values are no numbers; pictures show them in pure green.")
    if "completeness" in unmet:
        check = _get_mapping(checks, "completeness")
        total, difference = (_format(check.get(key)) for key in ("sum", "difference"))
        notes.append(f"The attributions sum to {total}, not to {difference} as they should.")
    if "gradient" in unmet:
        error = _format(_get_mapping(checks, "gradient").get("error"))
        notes.append(f"The gradient is apart from finite differences by {error} (relative).")
    other = [name for name in unmet if name not in ("finite", "completeness", "gradient")]
    notes += [f"The check {name!r} does not hold." for name in other]
    if checks.get("zero"):
        reason = checks.get("zero_because")
        notes.append(f"The map is zero everywhere{f': {reason}' if reason else ''}.")
    return notes


def _get_mapping(checks: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    check = checks.get(name)
    return check if isinstance(check, dict) else {}


def _to_number(value: object) -> float | None:
    """Return a finite number, None for anything else."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    return None


def _format(value: object) -> str:
    finite = _to_number(value)
    return "no number" if finite is None else f"{finite:.4g}"
