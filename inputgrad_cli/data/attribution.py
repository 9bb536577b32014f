"""What a method finds, what is promised about it, and what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.arrays import Array, Arrays, sum_rows


@dataclass(frozen=True)
class Completeness:
    """How well attributions sum to score - baseline score; every field is (B,).

    gap = |sum - difference| / max(|difference|, 0.01 max(|score|, |baseline score|), 1e-6).
    """

    sum: NDArray[np.float64]
    difference: NDArray[np.float64]
    gap: NDArray[np.float64]
    steps: NDArray[np.int64]
    ok: NDArray[np.bool_]

    @property
    def is_short(self) -> NDArray[np.bool_]:
        """Return where more steps may help: the gap is too large, and a number."""
        return np.asarray(~self.ok & np.isfinite(self.gap))


def completeness(
    total: Array, scores: Array, baseline_scores: Array, steps: Any, tolerance: float
) -> Completeness:
    """Return the check of (B,) sums against the scores; a gap that is not a number is not ok."""
    total, scores, base = (np.asarray(a, np.float64) for a in (total, scores, baseline_scores))
    difference = scores - base
    floor = np.maximum(0.01 * np.maximum(np.abs(scores), np.abs(base)), 1e-6)
    gap = np.abs(total - difference) / np.maximum(np.abs(difference), floor)
    counts = np.broadcast_to(np.asarray(steps, np.int64), gap.shape)
    return Completeness(total, difference, gap, counts, gap <= tolerance)


@dataclass(frozen=True)
class StandardError:
    """How sure a mean over draws is; every field is (B,), NaN where there was one draw alone.

    `mean` is the standard error per value, averaged over the map, in the units of the values;
    `relative` is that over the map's largest absolute value; `samples` is how many were drawn.
    """

    mean: NDArray[np.floating[Any]]
    relative: NDArray[np.floating[Any]]
    samples: NDArray[np.int64]


@dataclass(frozen=True)
class Finding:
    """What a method returns for a batch: signed values of true scale, (B, ...) by site.

    A site is one of the case, or a layer's tap. `facts` are for the record, and the same for all
    samples: the layer that was chosen, the number of rules that were applied. `copied` are the
    sites where one value stands for all channels, or all of an embedding, and is stored in each.
    """

    values: Arrays
    baseline_scores: Array | None = None
    completeness: Completeness | None = None
    disconnected: frozenset[str] = frozenset()
    standard_error: StandardError | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    copied: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Attribution:
    """Attributions of one item for one method and one target, as stored.

    `values` maps sites to float32 of the site's own shape; with `many` the sample axis comes
    first, and for the target `all` the class axis next. `metadata` is what stands in the file.
    """

    values: Arrays
    metadata: Mapping[str, Any]
    many: bool = False


def channels_last(values: Array, site: str, metadata: Mapping[str, Any]) -> Array:
    """Return values or inputs of `site` as (..., H, W, C), so that they can be drawn.

    Its pictures may go in as (C, H, W) or (H, W), and a class activation map has no channels. Ids
    that are looked up have the axis of their embedding.
    """
    flat = site in metadata.get("flat", ()) and not is_looked_up(site, metadata)
    if "cam" in metadata or flat:
        return values[..., np.newaxis]
    first = site in metadata.get("channels_first", ()) and values.ndim >= 3
    return np.moveaxis(values, -3, -1) if first else values


def is_looked_up(site: str, metadata: Mapping[str, Any]) -> bool:
    """Return whether a site holds ids, whose map has the axes of their embedding."""
    tokens = metadata.get("tokens") or {}
    rows = tokens if isinstance(tokens, list) else [tokens]
    return any(site in row for row in rows if row)


def sums(values: Arrays) -> NDArray[np.float64]:
    """Return the sum of each sample over all sites: (B,)."""
    return np.asarray(np.sum([sum_rows(array) for array in values.values()], axis=0))
