"""Walks that are done again with more steps where they do not sum up."""

from collections.abc import Callable

import numpy as np

from inputgrad_cli.data.attribution import Finding, completeness, sums
from inputgrad_cli.interfaces.method import Case
from inputgrad_cli.numeric.arrays import Array, Floats

Walked = tuple[dict[str, Floats], frozenset[str]]


def refined(
    walk: Callable[[Case, int], Walked],
    case: Case,
    ends: tuple[Array, Array],
    steps: int,
    most: int,
) -> Finding:
    """Return what `walk` finds with `steps`, three times as many where the gap is too large.

    `ends` are the scores at the input and at the baseline. A sample ends within the tolerance, or
    where three times its steps would be more than `most`.
    """
    scores, base = ends
    counts = np.full(len(case), steps)
    values, apart = walk(case, steps)
    while True:
        check = completeness(sums(values), scores, base, counts, case.tolerance)
        short = np.flatnonzero(check.is_short & (counts * 3 <= most))
        if not len(short):
            maps = {site: array.astype(np.float32) for site, array in values.items()}
            return Finding(maps, base, check, apart)
        steps *= 3  # all that are still short have come equally far
        better, more = walk(case.take(short), steps)
        for site, array in better.items():
            values[site][short] = array
        counts[short] = steps
        apart &= more
