"""Names the arrays of an optimization: the inputs after it, their changes, and its trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array

TRACE_WIDTH = 5  # columns of a trace
TRACE = "trace"  # (N, S, 5): step, score, L2 distance, largest distance, restart
STEP, SCORE, L2_DISTANCE, RESTART = 0, 1, 2, 4  # columns of a trace
TRACE_DISTANCES = slice(2, 4)  # the columns of distances, in units of the input
SEARCH_NOTE = "search"  # the code of the note on what ended a search
CHANGE = ".change"  # follows the name of an input in the name of the array that has its change


def list_moved_inputs(values: Mapping[str, Any]) -> list[str]:
    """Return the inputs that have a change among the arrays of a search."""
    return [name for name in values if name + CHANGE in values]


def pad_traces(traces: Sequence[Array]) -> Array:
    """Return traces (S, 5) as one array (N, S, 5), NaN after the end of those that are shorter."""
    columns = traces[0].shape[1]
    longest = max(len(trace) for trace in traces)
    out = np.full((len(traces), longest, columns), np.nan, np.float32)
    for row, trace in enumerate(traces):
        out[row, : len(trace)] = trace
    return out


def join_traces(parts: Sequence[Array]) -> Array:
    """Return traces (N, S, 5) of several batches as one array, as long as the longest search.

    What a batch has padded for its other samples is left out, so that the result of an item does
    not depend on them.
    """
    rows = [row for part in parts for row in np.asarray(part)]
    return pad_traces([row[: _count_steps(row)] for row in rows])


def _count_steps(trace: Array) -> int:
    """Return the number of rows before the first that is only padding."""
    return int(np.isfinite(trace[:, 0]).sum())
