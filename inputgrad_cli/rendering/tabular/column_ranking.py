"""Ranks the columns of a row by the size of their values, and sums those that are not shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.pictures.picture_style import TOP
from inputgrad_cli.numeric.array_helpers import Array


@dataclass(frozen=True)
class Ranking:
    """The indices of the columns that are shown, largest first, and of the rest."""

    shown: Array
    rest: Array

    @property
    def row_count(self) -> int:
        """Return the number of rows of a picture, in which the rest takes one."""
        return len(self.shown) + bool(len(self.rest))


@dataclass(frozen=True)
class Rest:
    """What is said of the columns that are not shown: how many, their sums, and their largest."""

    count: int
    negative: float
    positive: float
    largest: float


def rank_columns(values: Array, top: int = TOP) -> Ranking:
    """Return the columns of (F,) values by magnitude, those that are not finite first.

    Never one column alone is left over, because its name takes no more space than `1 other`.
    """
    sizes = np.where(np.isfinite(values), np.abs(values), np.inf)
    count = len(values) if len(values) <= top + 1 else top
    if count == len(values):
        return Ranking(np.argsort(-sizes, kind="stable"), np.empty(0, np.intp))
    # The columns at the boundary are taken in the order of the table, whatever the partition does.
    limit = -np.partition(-sizes, count - 1)[count - 1]
    larger = np.flatnonzero(sizes > limit)
    chosen = np.concatenate([larger, np.flatnonzero(sizes == limit)[: count - len(larger)]])
    shown = chosen[np.argsort(-sizes[chosen], kind="stable")]
    is_rest = np.ones(len(values), bool)
    is_rest[shown] = False
    return Ranking(shown, np.flatnonzero(is_rest))


def sum_rest(values: Array) -> Rest:
    """Return the sums of the finite values by sign, so that they do not cancel each other."""
    finite = values[np.isfinite(values)]
    return Rest(
        len(values),
        float(finite[finite < 0].sum()),
        float(finite[finite > 0].sum()),
        float(np.abs(finite).max(initial=0.0)),
    )
