"""The base of methods that use the scores of masked copies of the input."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, Method
from inputgrad_cli.methods._parallel import map_chunks
from inputgrad_cli.methods._point_chunks import Indices, find_runs
from inputgrad_cli.numeric.array_helpers import Array, Arrays
from inputgrad_cli.numeric.windows_and_superpixels import (
    KINDS,
    Segments,
    find_channel_axis,
    segment_arrays,
)
from inputgrad_cli.registry import declare_parameter

MaskBuilder = Callable[[int, Indices], Arrays]
"""(row, indices of its copies) -> masks (n, ...) by site: 1 keeps the input, 0 removes it."""


@dataclass(frozen=True)
class PerturbationMethod(Method):
    """A method that scores copies of the input in which parts are replaced by the baseline.

    `unused` says which value an input gets that the model does not use: `zero`; `near zero`, if it
    is estimated from draws, or exact but for rounding; or `the mean score`, as in rise.
    """

    family = "perturbation"
    perturbs_inputs = True
    unused: ClassVar[str] = "zero"

    @property
    def uses_baseline(self) -> bool:
        """Return True, because the baseline replaces parts of the input."""
        return True


@dataclass(frozen=True)
class SegmentMethod(PerturbationMethod):
    """A method that scores copies in which segments of the input are replaced by the baseline.

    `max_segments` is the largest number of segments that the method accepts.
    """

    max_segments: ClassVar[int]

    segments: str = declare_parameter(
        "auto", "kind of segments; auto: what fits the input", choices=KINDS
    )
    grid: int | None = declare_parameter(
        None, "number of spans of an axis; unset: 8 for pictures, 16 for series", minimum=1
    )

    def find_segments(self, batch: Batch) -> list[Segments]:
        """Return the segments of each sample; UsageError if there are too many."""
        sites = {site: batch.inputs[site] for site in batch.sites}
        segments = segment_arrays(sites, batch.spatial_axes, self.segments, self.grid)
        largest = max(len(sample_segments) for sample_segments in segments)
        if largest > self.max_segments:
            raise UsageError(
                f"{self.name}: {largest} segments are too many",
                reason=f"it is for at most {self.max_segments}",
                hint=f"write {self.name}:segments=windows,grid=8, or a smaller grid=",
            )
        return segments


def iterate_masked_scores(
    engine: Engine, batch: Batch, counts: Sequence[int], masks: MaskBuilder
) -> Iterator[tuple[int, Indices, Arrays, Array]]:
    """Yield row, indices, masks and scores of masked copies, `counts[row]` for each sample."""

    def compute(rows: Indices, indices: Indices) -> list[tuple[int, Indices, Arrays, Array]]:
        # Sites are filled by _blend below; other inputs are repeated.
        inputs = {
            name: np.empty((len(rows), *array.shape[1:]), array.dtype)
            if name in batch.sites
            else array[rows]
            for name, array in batch.inputs.items()
        }
        pieces = []
        for start, stop in find_runs(rows):
            row = int(rows[start])
            sample_masks = masks(row, indices[start:stop])
            pieces.append((row, start, stop, sample_masks))
            for site, mask in sample_masks.items():
                _blend(batch, site, row, mask, inputs[site][start:stop])
        scores = engine.compute_scores(inputs, batch.target.take(rows))
        return [
            (row, indices[a:b], sample_masks, scores[a:b]) for row, a, b, sample_masks in pieces
        ]

    chunks = split_copies(counts, engine.batch_size)
    for _, _, results in map_chunks(engine, chunks, compute, parallel=batch.parallel):
        yield from results


def compute_masked_scores(
    engine: Engine, batch: Batch, counts: Sequence[int], masks: MaskBuilder
) -> list[Array]:
    """Return the scores of the masked copies of each sample, (counts[row],), in float64."""
    scores: list[Array] = [np.empty(count, np.float64) for count in counts]
    for row, indices, _, copy_scores in iterate_masked_scores(engine, batch, counts, masks):
        scores[row][indices] = copy_scores
    return scores


def split_copies(counts: Sequence[int], size: int) -> Iterator[tuple[Indices, Indices]]:
    """Yield rows and copy indices, sample by sample, at most `size` at a time."""
    ends = np.cumsum(counts)
    total = int(ends[-1])
    for start in range(0, total, size):
        # The copies of all samples are numbered in one row, so that chunks are always full.
        flat = np.arange(start, min(start + size, total))
        rows = np.searchsorted(ends, flat, side="right")
        yield rows, flat - np.append(0, ends)[rows]


def unpack_bits(numbers: Indices, width: int) -> Array:
    """Return the binary digits of the numbers, lowest first, as bool (n, width)."""
    return (numbers[:, np.newaxis] >> np.arange(width) & 1).astype(bool)


def fill_segments(
    batch: Batch, segments: Sequence[Segments], values: Sequence[Array]
) -> MethodResult:
    """Return maps, float32, in which every segment has its value; `values` are (M,) per sample."""
    maps = {site: np.empty(batch.inputs[site].shape, np.float32) for site in batch.sites}
    for row, (sample_segments, sample_values) in enumerate(zip(segments, values, strict=True)):
        for site, array in sample_segments.spread(sample_values).items():
            maps[site][row] = array
    return MethodResult(maps, broadcast_sites=find_broadcast_sites(batch, segments[0].labels))


def find_broadcast_sites(batch: Batch, labels: Mapping[str, Array]) -> frozenset[str]:
    """Return the sites whose channels share a value, because their labels have one channel."""
    axes = {
        s: find_channel_axis(array.ndim, batch.spatial_axes.get(s)) for s, array in labels.items()
    }
    return frozenset(
        s for s, axis in axes.items() if axis is not None and _has_length_one(labels[s], axis)
    )


def _has_length_one(labels: Array, axis: int) -> bool:
    return int(labels.shape[axis]) == 1


def _blend(batch: Batch, site: str, row: int, mask: Array, out: Array) -> None:
    """Write copies of a sample to `out`: the input where the mask is 1, the baseline where 0."""
    clean, removed = batch.inputs[site][row], batch.baseline[site][row]
    if out.ndim > 1 and mask.shape[-1] == 1:
        # Repeating is five times as fast as broadcasting a last axis of length one.
        mask = np.repeat(mask, out.shape[-1], axis=-1)
    if out.dtype.kind != "f":  # words and categories cannot be mixed
        mask = mask >= 0.5
    if mask.dtype == np.bool_:
        out[...] = removed
        np.copyto(out, clean, where=mask)
    else:
        np.multiply(mask, clean - removed, out=out, casting="same_kind")
        out += removed
