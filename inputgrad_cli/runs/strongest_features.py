"""Finds the parts of an input with the largest attributions, for the line of an item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.tabular_attribution_columns import RowColumns, find_row_columns
from inputgrad_cli.numeric.array_helpers import take_rows
from inputgrad_cli.numeric.lazy_array import split_rows
from inputgrad_cli.rendering.text.token_display import build_passage, rank_tokens
from inputgrad_cli.runs.tables.token_tables import list_text_sites, read_token_values

MAX_PARTS = 3  # in the line of an item
Parts = Sequence[tuple[str, float]]  # names and values, the largest first


def yield_strongest(recorded: RecordedMap, header: Sequence[str]) -> Iterator[Parts]:
    """Yield, for each sample, the columns of its row or the tokens of its text that are largest.

    `header` has the names of a table's columns. Zeros are left out; what is not finite comes first.
    """
    columns = find_row_columns(recorded, header)
    if columns is not None:
        yield from _yield_columns(recorded, columns)
        return
    has_text = bool(list_text_sites(recorded))
    for row, sample in enumerate(recorded.record.samples):
        yield find_strongest(recorded, row) if has_text and sample is not None else []


def find_strongest(recorded: RecordedMap, row: int) -> Parts:
    """Return the tokens of one sample of a text with the largest magnitudes, and their values.

    Padding and zeros are left out; what is not finite comes first.
    """
    tokens = [
        token
        for site in list_text_sites(recorded)
        for token in build_passage(*read_token_values(recorded, site, row)).tokens
        if token.value != 0
    ]
    order = rank_tokens(np.array([token.value for token in tokens], np.float64))
    return [(tokens[i].text, tokens[i].value) for i in order[:MAX_PARTS]]


def _yield_columns(recorded: RecordedMap, columns: RowColumns) -> Iterator[Parts]:
    names, total = columns.names, len(recorded.record.samples)
    count = min(MAX_PARTS, len(names))
    # The values of a block are joined as float64, of eight bytes each.
    for start, stop in split_rows((total, len(names)), 8):
        values = columns.join_values(take_rows(recorded.values, slice(start, stop)))
        sizes = -np.where(np.isfinite(values), np.abs(values), np.inf)
        # Sorted by position first, so that columns of equal size stand in the order of the table.
        chosen = np.sort(np.argpartition(sizes, count - 1, axis=1)[:, :count], axis=1)
        order = np.argsort(np.take_along_axis(sizes, chosen, axis=1), axis=1, kind="stable")
        chosen = np.take_along_axis(chosen, order, axis=1)
        largest = np.take_along_axis(values, chosen, axis=1).tolist()
        for indices, numbers in zip(chosen.tolist(), largest, strict=True):
            yield [
                (names[index], value)
                for index, value in zip(indices, numbers, strict=True)
                if value != 0
            ]
