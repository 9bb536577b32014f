"""What the methods that only ask for scores share: masked copies, and segments as players."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, Method
from inputgrad_cli.methods._parallel import overlapped
from inputgrad_cli.numeric.arrays import Array, Arrays
from inputgrad_cli.numeric.probes import Rows, runs
from inputgrad_cli.numeric.segments import KINDS, Segments, channel_axis, segmented
from inputgrad_cli.registry import param

Masks = Callable[[int, Rows], Arrays]
"""(row, numbers of its copies) -> masks (n, ...) by site: what stays of the input, 0 to 1."""


@dataclass(frozen=True)
class Perturbing(Method):
    """Scores of copies of the input in which parts have the value of the baseline.

    `unused` is what a value gets that the model does not use: `zero`, or `near zero`: as far as
    the draws can tell it, and to rounding where all copies are asked for and the score is a sum;
    or what rise gives to everything, `the mean score`.
    """

    family = "perturbation"
    changes = True
    unused: ClassVar[str] = "zero"

    @property
    def uses_baseline(self) -> bool:
        """Return True: it stands where the input is taken away."""
        return True


@dataclass(frozen=True)
class Segmenting(Perturbing):
    """Scores of copies in which segments of the input have the value of the baseline.

    `most` is how many segments the method is for.
    """

    most: ClassVar[int]

    segments: str = param("auto", "what goes together; auto: what fits the input", choices=KINDS)
    grid: int | None = param(
        None, "spans that an axis is cut into; unset: 8 for pictures, 16 for series", least=1
    )

    def players(self, case: Case) -> list[Segments]:
        """Return the segments of each sample; UsageError where there are too many."""
        sites = {site: case.inputs[site] for site in case.sites}
        found = segmented(sites, case.spatial, self.segments, self.grid)
        number = max(len(each) for each in found)
        if number > self.most:
            raise UsageError(
                f"{self.name}: {number} segments are too many",
                reason=f"it is for at most {self.most}",
                mend=f"write {self.name}:segments=windows,grid=8, or a smaller grid=",
            )
        return found


def masked(
    engine: Engine, case: Case, counts: Sequence[int], masks: Masks
) -> Iterator[tuple[int, Rows, Arrays, Array]]:
    """Yield row, numbers, masks and scores of masked copies: `counts[row]` of each sample."""

    def ask(rows: Rows, numbers: Rows) -> list[tuple[int, Rows, Arrays, Array]]:
        inputs = {
            name: np.empty((len(rows), *array.shape[1:]), array.dtype)
            if name in case.sites
            else array[rows]
            for name, array in case.inputs.items()
        }
        parts = []
        for start, stop in runs(rows):
            row = int(rows[start])
            keep = masks(row, numbers[start:stop])
            parts.append((row, start, stop, keep))
            for site, mask in keep.items():
                _blend(case, site, row, mask, inputs[site][start:stop])
        scores = engine.scores(inputs, case.target.take(rows))
        return [(row, numbers[a:b], keep, scores[a:b]) for row, a, b, keep in parts]

    for _, _, found in overlapped(engine, ragged(counts, engine.batch_size), ask):
        yield from found


def scored(engine: Engine, case: Case, counts: Sequence[int], masks: Masks) -> list[Array]:
    """Return the scores of the masked copies of each sample, (counts[row],) in float64."""
    found: list[Array] = [np.empty(number, np.float64) for number in counts]
    for row, numbers, _, scores in masked(engine, case, counts, masks):
        found[row][numbers] = scores
    return found


def ragged(counts: Sequence[int], size: int) -> Iterator[tuple[Rows, Rows]]:
    """Yield pairs of row and number, `counts[row]` of each, sample by sample, `size` at a time."""
    ends = np.cumsum(counts)
    total = int(ends[-1])
    for start in range(0, total, size):
        flat = np.arange(start, min(start + size, total))
        rows = np.searchsorted(ends, flat, side="right")
        yield rows, flat - np.append(0, ends)[rows]


def bits(numbers: Rows, players: int) -> Array:
    """Return the sets that numbers write in binary: who is in, (n, players) of bool."""
    return (numbers[:, np.newaxis] >> np.arange(players) & 1).astype(bool)


def painted(case: Case, players: Sequence[Segments], values: Sequence[Array]) -> Finding:
    """Return the finding of values of segments, (M,) a sample, as maps of the sites, float32."""
    maps = {site: np.empty(case.inputs[site].shape, np.float32) for site in case.sites}
    for row, (segments, each) in enumerate(zip(players, values, strict=True)):
        for site, spread in segments.spread(each).items():
            maps[site][row] = spread
    return Finding(maps, copied=copied(case, players[0].labels))


def copied(case: Case, labels: Mapping[str, Array]) -> frozenset[str]:
    """Return the sites where one value goes to all channels; the labels there have length one."""
    axes = {s: channel_axis(own.ndim, case.spatial.get(s)) for s, own in labels.items()}
    return frozenset(s for s, axis in axes.items() if axis is not None and _is_one(labels[s], axis))


def _is_one(labels: Array, axis: int) -> bool:
    return int(labels.shape[axis]) == 1


def _blend(case: Case, site: str, row: int, mask: Array, out: Array) -> None:
    """Write the copies of a sample: the input where the mask is one, the baseline where zero."""
    here, there = case.inputs[site][row], case.baseline[site][row]
    if out.ndim > 1 and mask.shape[-1] == 1:
        mask = np.repeat(mask, out.shape[-1], axis=-1)  # five times as fast as a last axis of one
    if out.dtype.kind != "f":  # of a word or a category there is no half
        mask = mask >= 0.5
    if mask.dtype == np.bool_:
        out[...] = there
        np.copyto(out, here, where=mask)
    else:
        np.multiply(mask, here - there, out=out, casting="same_kind")
        out += there
