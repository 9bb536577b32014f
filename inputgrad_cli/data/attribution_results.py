"""Defines the results of methods, their error bounds, and the stored attributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.array_helpers import Array, Arrays, sum_rows


@dataclass(frozen=True)
class Completeness:
    """Measures how well attributions sum to score - baseline score; every field is (B,).

    gap = |sum - difference| / max(|difference|, 0.01 max(|score|, |baseline score|), 1e-6).
    """

    sum: NDArray[np.float64]
    difference: NDArray[np.float64]
    gap: NDArray[np.float64]
    steps: NDArray[np.int64]
    ok: NDArray[np.bool_]

    @property
    def is_short(self) -> NDArray[np.bool_]:
        """Return where more steps may help: the gap is finite but too large."""
        # No number of steps mends a score that is NaN or infinite.
        return np.asarray(~self.ok & np.isfinite(self.gap))


def compute_completeness(
    total: Array, scores: Array, baseline_scores: Array, steps: Any, tolerance: float
) -> Completeness:
    """Return the comparison of sums (B,) with the scores; a gap of NaN is not ok."""
    total, scores, base = (np.asarray(a, np.float64) for a in (total, scores, baseline_scores))
    difference = scores - base
    # Two scores that are almost equal would make every gap large, and two zeros divide by zero.
    floor = np.maximum(0.01 * np.maximum(np.abs(scores), np.abs(base)), 1e-6)
    gap = np.abs(total - difference) / np.maximum(np.abs(difference), floor)
    counts = np.broadcast_to(np.asarray(steps, np.int64), gap.shape)
    return Completeness(total, difference, gap, counts, gap <= tolerance)


@dataclass(frozen=True)
class StandardError:
    """The standard error of a mean over draws; every field is (B,), NaN after a single draw.

    `mean` is the standard error per value, averaged over the map, in the units of the values;
    `relative` is `mean` divided by the map's largest absolute value; `samples` is the number of
    draws.
    """

    mean: NDArray[np.floating[Any]]
    relative: NDArray[np.floating[Any]]
    samples: NDArray[np.int64]


@dataclass(frozen=True)
class MethodResult:
    """The result of a method for a batch: signed, unscaled values (B, ...) by site.

    A site is an input of the batch, or the output of a layer. `facts` go into the record and are
    the same for all samples, such as the layer that was chosen or the number of rules that were
    applied. `broadcast_sites` are the sites where one value stands for all channels, or for a
    complete embedding, and is stored in each of them.
    """

    values: Arrays
    baseline_scores: Array | None = None
    completeness: Completeness | None = None
    disconnected: frozenset[str] = frozenset()
    standard_error: StandardError | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    broadcast_sites: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Attribution:
    """Attributions of one item for one method and one target, as stored.

    `values` maps sites to float32 of the site's own shape; with `many` the sample axis comes
    first, and for the target `all` the class axis next. `metadata` is what stands in the file.
    """

    values: Arrays
    metadata: Mapping[str, Any]
    many: bool = False


def sum_sites(values: Arrays) -> NDArray[np.float64]:
    """Return the sum of each sample over all sites: (B,)."""
    return np.asarray(np.sum([sum_rows(array) for array in values.values()], axis=0))
