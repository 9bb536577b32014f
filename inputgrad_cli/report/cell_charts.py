"""Builds what a cell shows of a map that is not a picture: bars, coloured words, a series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.rendering import label_formatting
from inputgrad_cli.rendering.tabular.column_ranking import rank_columns
from inputgrad_cli.rendering.text.token_display import build_passage
from inputgrad_cli.report.page_contents import Bars, Spark, Tokens
from inputgrad_cli.report.path_and_number_formatting import format_number

FULL = 100  # the length of the longest bar, and the height of the highest value of a series
TOKEN_LEVELS = 8  # shades of each sign; more cannot be told apart on a word
SPARK_COLUMNS = 96  # of a series; on a card each is a few pixels wide
MAX_TOKENS = 300  # of one text; a card of more is longer than a screen


@dataclass(frozen=True)
class Row:
    """The values of one row of a table with their columns, and the texts of the input, if known."""

    names: Sequence[str]
    values: Floats
    inputs: Sequence[str] = ()


def build_bars(row: Row, top: int, is_sum: bool) -> Bars:
    """Return the `top` values of largest magnitude; values that are not finite come first.

    The others are summed by sign if `is_sum`, else they have different units, and the largest is
    named. If only one is left over, it is shown as well.
    """
    values = np.asarray(row.values, np.float64).reshape(-1)
    ranking = rank_columns(values, top)
    first, rest = ranking.shown, values[ranking.rest]
    return Bars(
        names=[label_formatting.shorten_name(row.names[i]) for i in first],
        lengths=_scale_to_levels(values[first], FULL),
        numbers=[format_number(float(values[i])) for i in first],
        inputs=[label_formatting.shorten_name(row.inputs[i]) for i in first] if row.inputs else (),
        others=_describe_others(rest, is_sum),
    )


def _describe_others(rest: Floats, is_sum: bool) -> str:
    if not rest.size:
        return ""
    if not is_sum:
        largest = label_formatting.format_number(float(np.abs(rest).max()))
        return f"{rest.size:,} others, each at most {largest}"
    low, high = (format_number(float(part.sum())) for part in (rest[rest < 0], rest[rest > 0]))
    return f"{rest.size:,} others: {low} and {high} together"


def build_tokens(tokens: Sequence[Any], values: Floats) -> Tokens:
    """Return the tokens of a text, (T,) values, with spaces as they are written."""
    passage = build_passage(tokens, values)
    shown = passage.tokens[:MAX_TOKENS]
    others = []
    if left := len(passage.tokens) - len(shown):
        others.append(f"{left:,} more tokens")
    if padding := len(passage.padding_values):
        others.append(f"{padding:,} padding tokens, not shown")
    return Tokens(
        words=[" " * (token.is_spaced and i > 0) + token.text for i, token in enumerate(shown)],
        levels=_scale_to_levels(passage.values, TOKEN_LEVELS)[: len(shown)],
        numbers=[format_number(token.value) for token in shown],
        others=", ".join(others),
    )


def build_spark(values: Array) -> Spark:
    """Return a series of any length in 96 columns; where values are many, the largest stays.

    A mean over a column would let positive and negative values cancel.
    """
    flat = np.asarray(values, np.float64).reshape(-1)
    parts = np.array_split(flat, min(SPARK_COLUMNS, max(1, len(flat))))
    peaks = np.array([_find_peak(part) for part in parts])
    return Spark(_scale_to_levels(peaks, FULL), f"{len(flat):,} values")


def _find_peak(part: Floats) -> float:
    finite = part[np.isfinite(part)]
    return float(finite[np.abs(finite).argmax()]) if finite.size else 0.0


def _scale_to_levels(values: Floats, levels: int) -> list[int]:
    """Return values as whole numbers, -levels to levels by the largest; 0 if not finite."""
    finite = np.where(np.isfinite(values), values, 0.0)
    # Zeros alone have no limit to be divided by, and stay zeros with any other.
    limit = float(np.abs(finite).max(initial=0.0))
    return [int(level) for level in np.rint(finite / (limit or 1.0) * levels)]
