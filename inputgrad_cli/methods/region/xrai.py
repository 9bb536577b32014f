"""Integrated gradients, gathered in regions of the picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, Method, methods
from inputgrad_cli.methods._requirements import spatial
from inputgrad_cli.methods.path.integrated_gradients import IntegratedGradients
from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.numeric.segments import SIDE, Labels, picture, plane, regions
from inputgrad_cli.registry import param

REACH = 5  # pixels by which regions are made larger, in a picture of 224 x 224
LEAST = 50  # pixels that a region must add, in a picture of 224 x 224


@methods.register
@dataclass(frozen=True)
class Xrai(Method):
    """Integrated gradients gathered in regions, the densest region first.

    The picture is cut into overlapping regions at six scales (Felzenszwalb), each made a little
    larger to take in its edge. Of those left, the one whose new pixels have the largest mean
    attribution, summed over channels, is added again and again. Values are that mean for all pixels
    that came with the region, an equal part for each channel: (B, ...) as the picture, in units of
    the score. They sum to score - baseline score. The paper takes the mean over a black and a white
    baseline; here it is the --baseline. Needs scikit-image.
    Kapishnikov et al. 2019, arXiv:1906.02825.
    """

    name = "xrai"
    family = "region"
    paper = "arXiv:1906.02825"
    known_as = ("regions", "segments", "superpixels")
    complete = True
    needs = "picture"
    unused: ClassVar[str] = "share of its region"

    steps: int | None = param(
        None, "gradient evaluations; unset: as many as the tolerance needs", least=1
    )

    @property
    def inner(self) -> IntegratedGradients:
        """Return the method whose values are gathered."""
        return IntegratedGradients(self.steps)

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "mean contribution of the region, per channel, to the {space}"

    @property
    def uses_baseline(self) -> bool:
        """Return True: the lines start there."""
        return True

    @property
    def passes(self) -> int:
        """Return the cost of integrated gradients."""
        return self.inner.passes

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the means of the regions, with the completeness of each sample."""
        axes = spatial(self, case)
        cuts = {s: [regions(picture(x, axes[s])) for x in case.inputs[s]] for s in case.sites}
        found = self.inner.attribute(engine, case)
        values = {}
        for site in case.sites:
            maps = np.empty(case.inputs[site].shape, np.float32)
            for row, attributions in enumerate(found.values[site]):
                shown = picture(attributions, axes[site]).astype(np.float64)
                means = gathered(shown.sum(axis=2), cuts[site][row]) / shown.shape[2]
                maps[row] = means.reshape(plane(attributions.ndim, axes[site], means.shape))
            values[site] = maps
        return replace(found, values=values, copied=frozenset(values))


def gathered(density: Floats, cuts: Sequence[Labels]) -> Floats:
    """Return, for attributions (H, W), the mean of the region that each pixel came with.

    `cuts` are labels (h, w), which may be coarser than the picture.
    """
    (high, wide), (h, w) = density.shape, cuts[0].shape
    cell = (np.arange(high) * h // high)[:, np.newaxis] * w + np.arange(wide) * w // wide
    mass = np.bincount(cell.ravel(), density.ravel(), h * w).astype(np.float64)
    area = np.bincount(cell.ravel(), minlength=h * w).astype(np.float64)
    reach = round(REACH * min(h, w) / SIDE)
    masks = np.array([m.ravel() for labels in cuts for m in _grown(labels, reach)])
    return np.asarray(greedy(masks, mass, area, LEAST * density.size / SIDE**2)[cell])


def greedy(masks: Array, mass: Floats, area: Floats, least: float) -> Floats:
    """Return the mean, mass over area, with which each cell came; masks are (K, cells)."""
    masses, areas = (np.array([per[mask].sum() for mask in masks]) for per in (mass, area))
    free = np.ones(len(mass), bool)
    means = np.zeros(len(mass))
    while True:
        left = areas >= max(least, 1)
        if not left.any():
            break
        best = np.where(left, masses / np.maximum(areas, 1), -np.inf).argmax()
        new = np.flatnonzero(masks[best] & free)
        means[new] = mass[new].sum() / area[new].sum()
        free[new] = False
        touched = masks[:, new].astype(np.float64)
        masses -= touched @ mass[new]
        areas -= touched @ area[new]
        areas[best] = 0
    if free.any():
        means[free] = mass[free].sum() / area[free].sum()
    return means


def _grown(labels: Labels, reach: int) -> list[Array]:
    """Return the mask of each label, made larger by a disk of radius `reach`."""
    disk = [
        (dy, dx)
        for dy in range(-reach, reach + 1)
        for dx in range(-reach, reach + 1)
        if dy * dy + dx * dx <= reach * reach
    ]
    h, w = labels.shape
    masks = []
    for label in range(int(labels.max()) + 1):
        rows, columns = np.nonzero(labels == label)
        mask = np.zeros((h + 2 * reach, w + 2 * reach), bool)
        for dy, dx in disk:
            mask[rows + (dy + reach), columns + (dx + reach)] = True
        masks.append(mask[reach : reach + h, reach : reach + w])
    return masks
