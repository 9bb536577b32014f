"""The loop shared by methods that average random draws, with early stopping and standard errors."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult, StandardError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.methods._parallel import map_chunks
from inputgrad_cli.methods._point_chunks import Indices, split_probes
from inputgrad_cli.numeric.running_moments import Moments

T = TypeVar("T")

# Draws between two checks of the error; fixed, so that the batch size changes no result.
ROUND_DRAWS = 16


def draw_until(
    engine: Engine,
    terms: Moments,
    *,
    draw: Callable[[Indices, Indices], T],
    add: Callable[[Indices, T], None],
    total: int,
    error: float | None,
    parallel: bool,
) -> None:
    """Add up to `total` draws of every sample to `terms`.

    `draw(rows, indices)` computes a chunk of draws, and `add(rows, result)` adds its result to
    `terms`, one draw after the other. A sample is finished after `total` draws, or as soon as its
    relative standard error is at most `error`; the others continue without it.
    """
    rows, done = np.arange(len(terms.counts)), 0
    while len(rows) and done < total:
        # Without a limit on the error there is nothing to check before the end.
        draws = total - done if error is None else min(ROUND_DRAWS, total - done)
        pairs = split_probes(len(rows), draws, engine.batch_size)
        chunks = [(rows[picked], indices + done) for picked, indices in pairs]
        for chunk_rows, _, result in map_chunks(engine, chunks, draw, parallel=parallel):
            add(chunk_rows, result)
        done += draws
        if error is not None:
            _, relative = terms.compute_standard_error()
            # NaN, the error of fewer than two draws, compares as false and so continues.
            rows = rows[~(relative[rows] <= error)]


def compute_mean_of_draws(
    terms: Moments, samples: Indices, disconnected: frozenset[str] | None
) -> MethodResult:
    """Return the mean of the terms with its standard error; `samples` counts the draws, (B,)."""
    values = {site: array.astype(np.float32) for site, array in terms.mean.items()}
    error = StandardError(*terms.compute_standard_error(), samples)
    return MethodResult(values, disconnected=disconnected or frozenset(), standard_error=error)
