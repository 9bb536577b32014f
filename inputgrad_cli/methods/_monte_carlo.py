"""The loop of every method that is a mean over draws: rounds, stopping, the standard error."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from inputgrad_cli.data.attribution import Finding, StandardError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.methods._parallel import overlapped
from inputgrad_cli.numeric.probes import Moments, Rows, chunks

T = TypeVar("T")

ROUND = 16  # draws between two looks at the error: fixed, so that no batch size decides the end


def draw_until(
    engine: Engine,
    terms: Moments,
    total: int,
    error: float | None,
    draw: Callable[[Rows, Rows], T],
    add: Callable[[Rows, T], None],
) -> None:
    """Call `draw` with pairs of row and draw number, and `add` with the rows and what it gave.

    `add` adds to `terms`, one draw after the other. A sample ends after `total` draws, or where its
    relative standard error is at most `error`; others go on without it.
    """
    rows, done = np.arange(len(terms.counts)), 0
    while len(rows) and done < total:
        more = total - done if error is None else min(ROUND, total - done)
        pairs = chunks(len(rows), more, engine.batch_size)
        pieces = [(rows[picked], numbers + done) for picked, numbers in pairs]
        for drawn_rows, _, found in overlapped(engine, pieces, draw):
            add(drawn_rows, found)
        done += more
        if error is not None:
            _, relative = terms.error()
            rows = rows[~(relative[rows] <= error)]


def drawn(terms: Moments, samples: Rows, apart: frozenset[str] | None) -> Finding:
    """Return the mean of the terms with its standard error; `samples` (B,) were drawn."""
    values = {site: array.astype(np.float32) for site, array in terms.mean.items()}
    error = StandardError(*terms.error(), samples)
    return Finding(values, disconnected=apart or frozenset(), standard_error=error)
