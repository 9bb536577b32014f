"""Random masks, weighted by the score of what they leave."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.perturbation._masking import Perturbing, bits, copied, masked
from inputgrad_cli.numeric.arrays import Array, Arrays, Floats, across
from inputgrad_cli.numeric.probes import Rows
from inputgrad_cli.numeric.random_streams import numbered
from inputgrad_cli.numeric.resize import weights
from inputgrad_cli.numeric.segments import plane, segmented
from inputgrad_cli.registry import param


@methods.register
@dataclass(frozen=True)
class Rise(Perturbing):
    """Mean of random masks, weighted by the score of what they leave of the input.

    Values are 1/(n p) sum_i f_i m_i, with f_i the score of baseline + m_i (x - baseline): (B, ...)
    as the input, in units of the score. The whole map so stands at the level of the mean score;
    `centred=true` takes f_i - mean f instead. A mask of a picture is a grid of zeros and ones (one
    with probability p), a cell larger than the picture after bilinear enlarging, cut out at a
    random place. Elsewhere each segment (a feature, a token, a span of time) stays or goes; where
    all ways to do so are no more than n, each is taken once, with its probability.
    Petsiuk et al. 2018, arXiv:1806.07421.
    """

    name = "rise"
    paper = "arXiv:1806.07421"
    known_as = ("randomized-input-sampling",)
    random = True
    unused = "the mean score"

    samples: int = param(4000, "number of masks", least=1)
    grid: int = param(7, "cells of the coarse mask, a side", least=1)
    p: float = param(0.5, "how likely a cell stays", least=0.0, most=1.0)
    centred: bool = param(False, "take the mean score off, so that the map is about zero")

    def __post_init__(self) -> None:
        """Refuse masks that leave nothing."""
        if self.p == 0:
            raise UsageError("rise:p=0 leaves nothing of the input", mend="write p=0.5")

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        less = ", less its mean over all masks" if self.centred else ""
        return f"mean {{space}} under masks that keep the place{less}"

    @property
    def sign(self) -> str:
        """Return `either`: the map stands at the level of the score."""
        return "signed" if self.centred else "either"

    @property
    def passes(self) -> int:
        """Return the masks."""
        return self.samples

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the weighted mean of the masks; memory does not grow with `samples`."""
        masks = _Masks(case, self)
        total: dict[str, Floats] = {
            s: np.zeros(case.inputs[s].shape, np.float64) for s in case.sites
        }
        cover = {s: np.zeros_like(array) for s, array in total.items()}
        mean = np.zeros(len(case))
        for row, numbers, keep, scores in masked(engine, case, [masks.count] * len(case), masks):
            chances = masks.chances(numbers)
            shares = scores * chances
            mean[row] += shares.sum()
            for site, mask in keep.items():
                mask = mask.astype(np.float64)
                total[site][row] += np.tensordot(shares, mask, 1)
                cover[site][row] += np.tensordot(chances, mask, 1)
        if masks.all:  # what leaves everything is the input, whose score is known
            chance = float(masks.chances(np.array([masks.count]))[0])
            whole = case.clean_scores(engine) * chance
            mean += whole
            for site, array in total.items():
                array += across(whole, array)
                cover[site] += chance
        if self.centred:
            total = {s: array - across(mean, array) * cover[s] for s, array in total.items()}
        values = {s: (array / self.p).astype(np.float32) for s, array in total.items()}
        return Finding(values, copied=masks.copied)


class _Masks:
    """The masks of a case: with `all` every one but that which leaves everything, else drawn.

    Where the mean plays no part, neither does the mask that leaves nothing: the first is 1.
    """

    def __init__(self, case: Case, method: Rise) -> None:
        self.case, self.grid, self.p = case, method.grid, method.p
        self.smooth = [s for s in case.sites if s in case.spatial]
        flat = {s: case.inputs[s] for s in case.sites if s not in case.spatial}
        self.segments = segmented(flat, {}, "auto", None)[0] if flat else None
        self.players = len(self.segments) if self.segments else 0
        self.all = not self.smooth and 2**self.players <= method.samples
        self.first = int(not method.centred)
        self.count = 2**self.players - 1 - self.first if self.all else method.samples

    def __call__(self, row: int, numbers: Rows) -> Arrays:
        """Return the numbered masks of a sample, by site."""
        if self.segments and self.all:
            return self.segments.spread(bits(numbers + self.first, self.players))
        width = self.players + len(self.smooth) * (self.grid**2 + 2)
        draws = numbered(self.case.keys[row], "masks", numbers, width)
        keep = self.segments.spread(draws[:, : self.players] < self.p) if self.segments else {}
        rest = np.split(draws[:, self.players :], len(self.smooth) or 1, axis=1)
        for site, own in zip(self.smooth, rest, strict=False):
            keep[site] = self._plane(site, own)
        return keep

    @property
    def copied(self) -> frozenset[str]:
        """Return the sites whose channels are masked as one."""
        return frozenset(self.smooth) | (
            copied(self.case, self.segments.labels) if self.segments else frozenset()
        )

    def chances(self, numbers: Rows) -> Array:
        """Return the weight of each mask: its probability, or its share of the draws."""
        if not self.all:
            return np.full(len(numbers), 1.0 / self.count)
        stay = bits(numbers + self.first, self.players).sum(axis=1)
        return np.asarray(self.p**stay * (1 - self.p) ** (self.players - stay))

    def _plane(self, site: str, draws: Floats) -> Floats:
        """Return enlarged grids, (n, ...): grid * grid draws are cells, two are the places."""
        axes, array = self.case.spatial[site], self.case.inputs[site]
        cells = (draws[:, :-2] < self.p).reshape(-1, self.grid, self.grid).astype(np.float32)
        high, wide = (
            self._enlarging(array.shape[axis], shift)
            for axis, shift in zip(axes, draws[:, -2:].T, strict=True)
        )
        made = high @ cells @ np.swapaxes(wide, 1, 2)
        shape = plane(array.ndim - 1, axes, made.shape[1:])
        return made.reshape(len(made), *shape)

    def _enlarging(self, length: int, shifts: Floats) -> Floats:
        """Return what makes `length` pixels of a line of cells, by place: (n, length, grid)."""
        cell = -(-length // self.grid)
        starts = (shifts * cell).astype(np.intp)
        whole = weights(self.grid, (self.grid + 1) * cell).T
        return np.asarray(whole[starts[:, np.newaxis] + np.arange(length)])
