"""The loop of every method that is a mean over draws: rounds, stopping, the standard error."""

from collections.abc import Callable

import numpy as np

from inputgrad_cli.attribution import Finding, StandardError
from inputgrad_cli.probes import Moments, Rows, chunks

ROUND = 16  # draws between two looks at the error: fixed, so that no batch size decides the end


def draw_until(
    terms: Moments,
    total: int,
    error: float | None,
    size: int,
    draw: Callable[[Rows, Rows], None],
) -> None:
    """Call `draw` with pairs of row and draw number, at most `size` at a time.

    It adds to `terms`. A sample ends after `total` draws, or where its relative standard error is
    at most `error`; others go on without it.
    """
    rows, done = np.arange(len(terms.counts)), 0
    while len(rows) and done < total:
        more = total - done if error is None else min(ROUND, total - done)
        for picked, numbers in chunks(len(rows), more, size):
            draw(rows[picked], numbers + done)
        done += more
        if error is not None:
            _, relative = terms.error()
            rows = rows[~(relative[rows] <= error)]


def drawn(terms: Moments, samples: Rows, apart: frozenset[str] | None) -> Finding:
    """Return the mean of the terms with its standard error; `samples` (B,) were drawn."""
    values = {site: array.astype(np.float32) for site, array in terms.mean.items()}
    error = StandardError(*terms.error(), samples)
    return Finding(values, disconnected=apart or frozenset(), standard_error=error)
