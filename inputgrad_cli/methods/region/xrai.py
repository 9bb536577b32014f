"""Integrated gradients, averaged over regions of the picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, Method, methods
from inputgrad_cli.methods._requirements import require_spatial_axes
from inputgrad_cli.methods.path.integrated_gradients import IntegratedGradients
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.numeric.windows_and_superpixels import (
    MAX_SIDE_PIXELS,
    Labels,
    compute_plane_shape,
    find_regions,
    to_picture,
)
from inputgrad_cli.registry import declare_parameter

# Both are those of the paper's own code.
DILATION_PIXELS = 5  # by which regions are enlarged, in a picture of 224 x 224
MIN_NEW_PIXELS = 50  # that a region must add, in a picture of 224 x 224


@methods.register
@dataclass(frozen=True)
class Xrai(Method):
    """Integrated gradients averaged over regions, the densest region first.

    The picture is divided into overlapping regions at six scales (Felzenszwalb), each enlarged a
    little to include its edge. In each step, the region is added whose new pixels have the largest
    mean attribution, summed over channels. Values are that mean for all pixels that were added with
    the region, divided evenly among channels: (B, ...) as the picture, in units of the score. They
    sum to score - baseline score. The paper averages over a black and a white baseline; here it is
    the --baseline. Needs scikit-image.
    Kapishnikov et al. 2019, arXiv:1906.02825.
    """

    name = "xrai"
    family = "region"
    paper = "arXiv:1906.02825"
    aliases = ("regions", "segments", "superpixels")
    complete = True
    needs = "picture"
    unused: ClassVar[str] = "share of its region"

    steps: int | None = declare_parameter(
        None, "gradient evaluations; unset: as many as the tolerance needs", minimum=1
    )

    @property
    def inner(self) -> IntegratedGradients:
        """Return the method whose values are averaged."""
        return IntegratedGradients(self.steps)

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        return "mean contribution of the region, per channel, to the {space}"

    @property
    def uses_baseline(self) -> bool:
        """Return True, because integrated gradients do."""
        return True

    @property
    def passes(self) -> int:
        """Return the cost of integrated gradients."""
        return self.inner.passes

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the means of the regions, with the completeness of each sample."""
        axes = require_spatial_axes(self, batch)
        labels = {
            s: [find_regions(to_picture(x, axes[s])) for x in batch.inputs[s]] for s in batch.sites
        }
        result = self.inner.attribute(engine, batch)
        values = {}
        for site in batch.sites:
            maps = np.empty(batch.inputs[site].shape, np.float32)
            for row, attributions in enumerate(result.values[site]):
                picture = to_picture(attributions, axes[site]).astype(np.float64)
                means = (
                    compute_region_means(picture.sum(axis=2), labels[site][row]) / picture.shape[2]
                )
                maps[row] = means.reshape(
                    compute_plane_shape(attributions.ndim, axes[site], means.shape)
                )
            values[site] = maps
        return replace(result, values=values, broadcast_sites=frozenset(values))


def compute_region_means(density: Floats, labels: Sequence[Labels]) -> Floats:
    """Return, for attributions (H, W), the mean of the region that each pixel was added with.

    `labels` holds one array (h, w) per scale, which may be coarser than the picture.
    """
    (high, wide), (h, w) = density.shape, labels[0].shape
    # The cell of the labels in which each pixel lies.
    cell = (np.arange(high) * h // high)[:, np.newaxis] * w + np.arange(wide) * w // wide
    mass = np.bincount(cell.ravel(), density.ravel(), h * w).astype(np.float64)
    area = np.bincount(cell.ravel(), minlength=h * w).astype(np.float64)
    reach = round(DILATION_PIXELS * min(h, w) / MAX_SIDE_PIXELS)
    masks = np.array([mask.ravel() for scale in labels for mask in _widen_labels(scale, reach)])
    return np.asarray(
        add_regions_greedily(masks, mass, area, MIN_NEW_PIXELS * density.size / MAX_SIDE_PIXELS**2)[
            cell
        ]
    )


def add_regions_greedily(masks: Array, mass: Floats, area: Floats, min_area: float) -> Floats:
    """Return the mean (mass over area) with which each cell was added; masks are (K, cells)."""
    masses, areas = (np.array([per[mask].sum() for mask in masks]) for per in (mass, area))
    free = np.ones(len(mass), bool)
    means = np.zeros(len(mass))
    # Add the densest region until no region has enough new pixels.
    while True:
        # A region without new pixels has no mean, however small the picture is.
        eligible = areas >= max(min_area, 1)
        if not eligible.any():
            break
        best = np.where(eligible, masses / np.maximum(areas, 1), -np.inf).argmax()
        new = np.flatnonzero(masks[best] & free)
        means[new] = mass[new].sum() / area[new].sum()
        free[new] = False
        # Take the pixels that now have a value out of all regions.
        touched = masks[:, new].astype(np.float64)
        masses -= touched @ mass[new]
        areas -= touched @ area[new]
        # Its area may be a little above zero by rounding, and it must never be chosen again.
        areas[best] = 0
    # Pixels that no region covers get the mean of them all.
    if free.any():
        means[free] = mass[free].sum() / area[free].sum()
    return means


def _widen_labels(labels: Labels, reach: int) -> list[Array]:
    """Return the mask of each label, dilated by a disk of radius `reach`."""
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
        # A margin lets the disk reach beyond the edge.
        mask = np.zeros((h + 2 * reach, w + 2 * reach), bool)
        for dy, dx in disk:
            mask[rows + (dy + reach), columns + (dx + reach)] = True
        masks.append(mask[reach : reach + h, reach : reach + w])
    return masks
