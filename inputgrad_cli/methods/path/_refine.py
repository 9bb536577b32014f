"""Integration along a path with more steps, until the values sum to the difference of scores."""

from collections.abc import Callable

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult, compute_completeness, sum_sites
from inputgrad_cli.interfaces.method import Batch
from inputgrad_cli.numeric.array_helpers import Array, Floats

PathResult = tuple[dict[str, Floats], frozenset[str]]
"""Values by site, (B, ...), and the disconnected sites."""


def refine_steps(
    integrate: Callable[[Batch, int], PathResult],
    batch: Batch,
    ends: tuple[Array, Array],
    steps: int,
    max_steps: int,
) -> MethodResult:
    """Return the result of `integrate(batch, steps)`, with more steps where the gap is too large.

    `ends` are the scores at the input and at the baseline. The steps of a sample are tripled until
    its completeness gap is within the tolerance, or until they would exceed `max_steps`.
    """
    scores, base = ends
    counts = np.full(len(batch), steps)
    values, disconnected = integrate(batch, steps)
    while True:
        check = compute_completeness(sum_sites(values), scores, base, counts, batch.tolerance)
        short = np.flatnonzero(check.is_short & (counts * 3 <= max_steps))
        if not len(short):
            maps = {site: array.astype(np.float32) for site, array in values.items()}
            return MethodResult(maps, base, check, disconnected)
        steps *= 3  # all that are still short have the same number of steps
        refined, also_disconnected = integrate(batch.take(short), steps)
        for site, array in refined.items():
            values[site][short] = array
        counts[short] = steps
        disconnected &= also_disconnected
