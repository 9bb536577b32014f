"""Computes the importance of each column over all rows of a table, and which way it acts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.pictures.picture_style import TOP
from inputgrad_cli.data.tabular_attribution_columns import RowColumns
from inputgrad_cli.numeric.array_helpers import Array, Arrays, Floats, take_rows
from inputgrad_cli.numeric.lazy_array import split_rows

MIN_ROWS = 20  # of a table that gets a summary
MAX_POINTS = 2000  # rows whose values are kept one by one; more would hide each other


@dataclass(frozen=True)
class ColumnSummary:
    """The importance of the columns of a table over all of its rows, the largest first.

    `names`, `magnitudes` (mean of the absolute values) and `means` have an entry for each column,
    `shares` as well (of the sum of magnitudes), or it is None if the values have no common unit.
    `points` are the attributions (P, T) of the first T columns in some rows, evenly spaced, and
    `inputs` the values of those columns there, None for a column that is no input.
    """

    names: tuple[str, ...]
    magnitudes: Floats
    means: Floats
    shares: Floats | None
    row_count: int
    points: Floats
    inputs: tuple[Array | None, ...]


def summarize_columns(
    columns: RowColumns, values: Arrays, inputs: Arrays, *, per_input: bool, top: int = TOP
) -> ColumnSummary:
    """Return the summary of a map; values that are not finite count for nothing.

    The values (N, ...) by site are read in blocks, and so may be larger than memory. The values of
    the `top` largest columns are kept one by one.
    """
    count = len(columns.names)
    sizes, sums, finite = np.zeros(count), np.zeros(count), np.zeros(count, np.int64)
    total = len(next(iter(values.values())))
    for start, stop in split_rows((total, count), 8):
        block = columns.join_values(take_rows(values, slice(start, stop)))
        is_finite = np.isfinite(block)
        block = np.where(is_finite, block, 0.0)
        sizes += np.abs(block).sum(axis=0)
        sums += block.sum(axis=0)
        finite += is_finite.sum(axis=0)
    with np.errstate(invalid="ignore"):  # a column without any finite value has no mean
        magnitudes, means = sizes / finite, sums / finite
    order = np.argsort(-np.where(np.isnan(magnitudes), np.inf, magnitudes), kind="stable")
    rows = np.unique(np.linspace(0, total - 1, min(total, MAX_POINTS)).round().astype(np.intp))
    shown = order[: top if count > top + 1 else count]
    cells = columns.join_inputs(take_rows(inputs, rows))
    whole = float(np.nansum(magnitudes))
    return ColumnSummary(
        tuple(columns.names[index] for index in order),
        magnitudes[order],
        means[order],
        None if per_input else magnitudes[order] / (whole or 1.0),
        total,
        columns.join_values(take_rows(values, rows))[:, shown],
        tuple(cells[index] for index in shown),
    )
