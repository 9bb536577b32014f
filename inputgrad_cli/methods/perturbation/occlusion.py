"""The score that is lost where a sliding window covers the input."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods.perturbation._masking import Perturbing, scored
from inputgrad_cli.numeric.arrays import Arrays
from inputgrad_cli.numeric.probes import Rows
from inputgrad_cli.numeric.segments import channel_axis, parts
from inputgrad_cli.registry import param

Window = tuple[slice, ...]
SHARE = 8  # of a side, that a window is long


@methods.register
@dataclass(frozen=True)
class Occlusion(Perturbing):
    """Score that is lost where a sliding window takes the value of the baseline.

    Values are the mean, over the windows that cover a cell, of score - score with the window at the
    baseline: (B, ...) as the input, in units of the score. Windows slide over height and width with
    all channels at once; over time, each channel by itself; over features and tokens one by one. A
    last window that would reach beyond the edge ends there. Each input is covered by itself.
    Zeiler and Fergus 2013, arXiv:1311.2901.
    """

    name = "occlusion"
    paper = "arXiv:1311.2901"
    known_as = (
        "occlusion-sensitivity", "occlusion-map", "sliding-window", "patch-occlusion", "masking",
    )  # fmt: skip
    linear_exact = "difference times gradient"

    window: int | None = param(
        None, "side of the window; unset: an eighth of the axis, 1 for features and tokens", least=1
    )
    stride: int | None = param(
        None, "from one window to the next; unset: half a window, rounded up", least=1
    )

    def __post_init__(self) -> None:
        """Refuse windows that leave gaps."""
        if self.window is not None and self.stride is not None:
            self._step(self.window)

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "{space} lost under the windows, mean"

    @property
    def passes(self) -> int:
        """Return the windows of a picture."""
        return (2 * SHARE - 1) ** 2

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the mean loss over the windows of each cell."""
        windows = [(s, w) for s in case.sites for w in self._windows(case, s)]
        clean = case.clean_scores(engine)

        def masks(row: int, numbers: Rows) -> Arrays:
            keep = {s: np.ones((len(numbers), *case.inputs[s].shape[1:]), bool) for s in case.sites}
            for place, number in enumerate(numbers):
                site, window = windows[number]
                keep[site][(place, *window)] = False
            return keep

        found = scored(engine, case, [len(windows)] * len(case), masks)
        lost = clean.astype(np.float64)[:, np.newaxis] - np.stack(found)
        total = {s: np.zeros(case.inputs[s].shape, np.float64) for s in case.sites}
        cover = {s: np.zeros(case.inputs[s].shape[1:], np.intp) for s in case.sites}
        for number, (site, window) in enumerate(windows):
            region = total[site][(slice(None), *window)]
            region += lost[:, number].reshape(-1, *[1] * (region.ndim - 1))
            cover[site][window] += 1
        values = {s: (total[s] / cover[s]).astype(np.float32) for s in case.sites}
        return Finding(values, copied=frozenset(s for s in case.sites if self._copies(case, s)))

    def _copies(self, case: Case, site: str) -> bool:
        """Return whether a window covers all channels at once."""
        shape, axes = case.inputs[site].shape[1:], case.spatial.get(site)
        axis = channel_axis(len(shape), axes)
        return axis is not None and parts(site, shape, axes)[axis] == "whole"

    def _windows(self, case: Case, site: str) -> Sequence[Window]:
        shape = case.inputs[site].shape[1:]
        roles = parts(site, shape, case.spatial.get(site))
        return list(product(*(self._along(*axis) for axis in zip(roles, shape, strict=True))))

    def _along(self, part: str, length: int) -> list[slice]:
        """Return the windows along one axis."""
        if part in ("whole", "apart"):
            step = length if part == "whole" else 1
            return [slice(start, start + step) for start in range(0, length, step)]
        usual = -(-length // SHARE) if part == "cut" else 1
        step = self._step(self.window or usual)
        window = min(self.window or usual, length)
        starts = [*range(0, length - window, step), length - window]
        return [slice(start, start + window) for start in starts]

    def _step(self, window: int) -> int:
        if self.stride is None:
            return -(-window // 2)
        if self.stride > window:
            raise UsageError(
                f"occlusion: stride={self.stride} leaves gaps between windows of {window}",
                mend=f"write stride={window} or less, or a larger window=",
            )
        return self.stride
