"""Formats the results of `optimize` for people: a line for each input, and what all came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from inputgrad_cli.data.prediction_text import PIXEL_UNIT, format_answer, format_percent

if TYPE_CHECKING:
    from inputgrad_cli.optimization.summaries.run_summary import SearchSummary, Share

PIXEL_LEVELS = 255
NORM_NAMES = {"linf": "L∞", "l2": "L2"}
SLACK = 1e-4  # of a level: what rounding leaves of whole ones


def format_search(fields: Mapping[str, Any]) -> str:
    """Return what a search came to, such as `cross 99.9% -> star 71.2%  L∞ 4/255  38 gradients`.

    Sizes are those of the stored result; of pictures they are shares of the range of pixels.
    """
    answers = f"{format_answer(fields['before'])} -> {format_answer(fields['after'])}"
    if fields["search"] == "already":
        return f"{answers.partition(' -> ')[0]}  already there, not moved"
    parts = [answers] if fields["search"] == "success" else [answers, "not reached"]
    parts += [*_yield_sizes(fields), _format_count(fields["gradient_calls"], "gradient")]
    return "  ".join([*parts, f"({note})"] if (note := fields.get("note")) else parts)


def _yield_sizes(fields: Mapping[str, Any]) -> Iterator[str]:
    distances = fields["distances"]
    values = distances.get("fractions", distances)
    for key, name in NORM_NAMES.items():
        is_level = key == "linf" and "fractions" in distances
        size = format_radius(values[key]) if is_level else f"{values[key]:.3g}"
        yield f"{name} {size}{_name_unit('fractions' in distances and not is_level)}"


def _name_unit(is_share: bool) -> str:
    """Return the unit of a distance that is a share of the range of pixels and is not in levels."""
    return f" ({PIXEL_UNIT})" if is_share else ""


def format_radius(radius: float) -> str:
    """Return a share of the range of pixels as people write it: 8/255, or 0.5."""
    levels = radius * PIXEL_LEVELS
    if abs(levels - round(levels)) <= SLACK:
        return f"{round(levels)}/{PIXEL_LEVELS}" if levels else "0"
    return f"{radius:.3g}"


def yield_summary_lines(summaries: Sequence[SearchSummary]) -> Iterator[str]:
    """Yield what the searches of each goal and target came to, in a sentence."""
    for summary in summaries:
        if summary.total:
            prefix = f"{summary.name}, target {summary.target}" if len(summaries) > 1 else ""
            yield (prefix or summary.name) + ": " + ", ".join(_yield_parts(summary))


def _yield_parts(summary: SearchSummary) -> Iterator[str]:
    yield _format_count(summary.total, "input")
    yield from _yield_attack_shares(summary) if summary.leaves_class else _yield_shares(summary)
    # If most searches found nothing, the median is infinite.
    if (distance := summary.median_distance) is not None and isfinite(distance):
        yield f"median distance {_format_distance(summary, distance)}"
    yield _format_count(summary.gradient_calls, "gradient")


def _yield_attack_shares(summary: SearchSummary) -> Iterator[str]:
    """Yield how many inputs were right before, and are after; the label may be the prediction."""
    if summary.has_labels:
        yield f"{summary.clean.count:,} right before"
    noun = "robust accuracy" if summary.has_labels else "unchanged predictions"
    yield f"{noun}{_format_reach(summary)} {_format_share(summary.robust)}"


def _yield_shares(summary: SearchSummary) -> Iterator[str]:
    if not summary.has_end:
        yield f"{summary.success.count:,} with a higher score than before"
    elif summary.success.total:
        yield f"{_format_share(summary.success)} reached"
    if there := summary.total - summary.success.total:
        yield f"{there:,} there already"


def _format_reach(summary: SearchSummary) -> str:
    """Return the largest radius of an attack, empty if it has none."""
    if not summary.radii:
        return ""
    largest = summary.radii[-1]
    return f" at {format_radius(largest) if summary.in_pixels else format(largest, '.3g')}"


def _format_distance(summary: SearchSummary, distance: float) -> str:
    norm = {"inf": "L∞"}.get(summary.norm, f"L{summary.norm}")
    if summary.in_pixels and summary.norm == "inf":
        return f"{format_radius(distance)} ({norm})"
    unit = f", {PIXEL_UNIT}" if summary.in_pixels else ""
    return f"{distance:.3g} ({norm}{unit})"


def _format_count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _format_share(share: Share) -> str:
    low, high = map(format_percent, share.interval)
    return f"{format_percent(share.value)} ({low} to {high})"
