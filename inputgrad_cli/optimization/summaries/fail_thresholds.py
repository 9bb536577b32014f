"""Gates of a run: limits on its results that make it exit with 1 (`--fail-under`, `--fail-over`).

Imports neither NumPy nor any other module that is slow to import, because `--help` reads it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inputgrad_cli.errors import GrammarError
from inputgrad_cli.spelling_suggestions import format_question, suggest

if TYPE_CHECKING:  # not imported by --help
    from inputgrad_cli.optimization.summaries.run_summary import SearchSummary

UNDER, OVER = "--fail-under", "--fail-over"
FIELDS = {
    UNDER: {
        "robust-accuracy": "robust_accuracy",
        "median-distance": "median_distance",
        "valid": "valid_share",
    },
    OVER: {"success-rate": "success_rate"},
}
"""The summary's field of each measure, by option."""
SYNONYMS = {
    "robust": ("robust-accuracy",), "accuracy": ("robust-accuracy",),
    "distance": ("median-distance",), "median": ("median-distance",),
    "validity": ("valid",), "success": ("success-rate",),
}  # fmt: skip


@dataclass(frozen=True)
class Gate:
    """A limit on a measure; `text` is what the user wrote, `option` is UNDER or OVER."""

    option: str
    measure: str
    limit: float
    text: str

    def describe_failure(self, summary: SearchSummary) -> str | None:
        """Return what is wrong with a summary in words, None if it is within the limit."""
        value: float | None = getattr(summary, FIELDS[self.option][self.measure])
        if value is None:
            return f"{self.option} {self.text}: {summary.name} has no {self.measure}"
        if self.option == UNDER and value >= self.limit:
            return None
        if self.option == OVER and value <= self.limit:
            return None
        return f"{self.option} {self.text}: {self.measure} of {summary.name} is {value:.4g}"


def parse_gate(option: str, text: str) -> Gate:
    """Return the gate that `MEASURE=VALUE` means; GrammarError points at the wrong word.

    The value is a number or a fraction, as in `robust-accuracy=0.5` and `median-distance=2/255`.
    """
    measure, equals, value = text.partition("=")
    measures = FIELDS[option]
    if measure not in measures:
        raise GrammarError(
            f"{option} has no measure {measure!r}",
            text,
            0,
            len(measure) or 1,
            _suggest_measure(option, measure),
        )
    if not equals:
        hint = f"write {measure}=VALUE"
        raise GrammarError(f"{measure!r} needs a value", text, 0, len(text), hint)
    try:
        limit = parse_fraction(value)
    except ValueError:
        raise GrammarError(
            f"{value!r} is not a number",
            text,
            len(measure) + 1,
            len(text),
            "write a number or a fraction, as in 0.5 or 2/255",
        ) from None
    if limit < 0 or (measure != "median-distance" and limit > 1):
        raise GrammarError(
            f"{measure} is a share", text, len(measure) + 1, len(text), "it lies between 0 and 1"
        )
    return Gate(option, measure, limit, text)


def _suggest_measure(option: str, measure: str) -> str:
    measures = FIELDS[option]
    other = OVER if option == UNDER else UNDER
    if measure in FIELDS[other]:
        return f"it is a measure of {other}; {option} has: {', '.join(measures)}"
    question = format_question(suggest(measure, measures, SYNONYMS))
    return f"{question} it has: {', '.join(measures)}".strip()


def parse_fraction(text: str) -> float:
    """Return a finite number written as `0.03` or as `8/255`; ValueError."""
    top, slash, bottom = text.partition("/")
    try:
        value = float(top) / float(bottom) if slash else float(top)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def list_failures(gates: Sequence[Gate], summaries: Sequence[SearchSummary]) -> list[str]:
    """Return what is wrong, in words: every gate holds for every goal and target of the run."""
    failures = (gate.describe_failure(summary) for gate in gates for summary in summaries)
    return [failure for failure in failures if failure is not None]
