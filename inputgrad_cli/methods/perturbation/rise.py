"""The mean of random masks, weighted by the scores of the masked inputs."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods._point_chunks import Indices
from inputgrad_cli.methods.perturbation._masking import (
    PerturbationMethod,
    find_broadcast_sites,
    iterate_masked_scores,
    unpack_bits,
)
from inputgrad_cli.numeric.array_helpers import Array, Arrays, Floats, expand_like
from inputgrad_cli.numeric.random_streams import draw_uniform_rows
from inputgrad_cli.numeric.resize import build_resize_matrix
from inputgrad_cli.numeric.windows_and_superpixels import compute_plane_shape, segment_arrays
from inputgrad_cli.registry import declare_parameter


@methods.register
@dataclass(frozen=True)
class Rise(PerturbationMethod):
    """Mean of random masks, weighted by the scores of the masked inputs.

    Values are 1/(n p) sum_i f_i m_i, with f_i the score of baseline + m_i (x - baseline): (B, ...)
    as the input, in units of the score. Therefore all values are about the mean score;
    `centred=true` uses f_i - mean f instead. The mask of a picture is a grid of zeros and ones (one
    with probability p), enlarged bilinearly to one cell more than the picture, and cropped at a
    random offset. In other inputs each segment (a feature, a token, a span of time) is kept or
    removed; if n allows all combinations, each is used once, weighted by its probability.
    Petsiuk et al. 2018, arXiv:1806.07421.
    """

    name = "rise"
    paper = "arXiv:1806.07421"
    aliases = ("randomized-input-sampling",)
    random = True
    unused = "the mean score"

    # These three are the values of the paper, for VGG16.
    samples: int = declare_parameter(4000, "number of masks", minimum=1)
    grid: int = declare_parameter(7, "cells per side of the coarse mask", minimum=1)
    p: float = declare_parameter(0.5, "probability that a cell is kept", minimum=0.0, maximum=1.0)
    centred: bool = declare_parameter(
        False, "subtract the mean score, so that values lie around zero"
    )

    def __post_init__(self) -> None:
        """Refuse masks that remove everything."""
        if self.p == 0:
            raise UsageError("rise:p=0 leaves nothing of the input", hint="write p=0.5")

    @property
    def quantity(self) -> str:
        """Return the label of colour bars."""
        less = ", less its mean over all masks" if self.centred else ""
        return f"mean {{space}} under masks that keep the place{less}"

    @property
    def sign(self) -> str:
        """Return `either`, because values are about the mean score, which has any sign."""
        return "signed" if self.centred else "either"

    @property
    def passes(self) -> int:
        """Return the number of masks."""
        return self.samples

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the weighted mean of the masks. Memory does not grow with `samples`."""
        masks = _Masks(batch, self)
        total: dict[str, Floats] = {
            s: np.zeros(batch.inputs[s].shape, np.float64) for s in batch.sites
        }
        cover = {s: np.zeros_like(array) for s, array in total.items()}
        mean = np.zeros(len(batch))
        for row, indices, sample_masks, scores in iterate_masked_scores(
            engine, batch, [masks.count] * len(batch), masks
        ):
            weights = masks.compute_weights(indices)
            shares = scores * weights
            mean[row] += shares.sum()
            for site, mask in sample_masks.items():
                mask = mask.astype(np.float64)
                total[site][row] += np.tensordot(shares, mask, 1)
                cover[site][row] += np.tensordot(weights, mask, 1)
        if masks.is_exhaustive:
            # The mask that keeps everything gives the input, whose score is known.
            weight = float(masks.compute_weights(np.array([masks.count]))[0])
            clean_share = batch.compute_clean_scores(engine) * weight
            mean += clean_share
            for site, array in total.items():
                array += expand_like(clean_share, array)
                cover[site] += weight
        if self.centred:
            total = {s: array - expand_like(mean, array) * cover[s] for s, array in total.items()}
        values = {s: (array / self.p).astype(np.float32) for s, array in total.items()}
        return MethodResult(values, broadcast_sites=masks.broadcast_sites)


class _Masks:
    """The masks of a batch: all combinations of segments if `is_exhaustive`, else random ones.

    The combination that keeps everything is left out, because its score is known. The one that
    removes everything is needed for the mean alone, so without `centred` the first is number 1.
    """

    def __init__(self, batch: Batch, method: Rise) -> None:
        self.batch, self.grid, self.p = batch, method.grid, method.p
        self.smooth = [s for s in batch.sites if s in batch.spatial_axes]
        flat = {s: batch.inputs[s] for s in batch.sites if s not in batch.spatial_axes}
        self.segments = segment_arrays(flat, {}, "auto", None)[0] if flat else None
        self.segment_count = len(self.segments) if self.segments else 0
        self.is_exhaustive = not self.smooth and 2**self.segment_count <= method.samples
        self.first = int(not method.centred)
        self.count = (
            2**self.segment_count - 1 - self.first if self.is_exhaustive else method.samples
        )

    def __call__(self, row: int, indices: Indices) -> Arrays:
        """Return the masks of a sample with these indices, by site."""
        if self.segments and self.is_exhaustive:
            return self.segments.spread(unpack_bits(indices + self.first, self.segment_count))
        # Draws of a mask: one per segment, then cells and two offsets for each picture.
        width = self.segment_count + len(self.smooth) * (self.grid**2 + 2)
        draws = draw_uniform_rows(self.batch.seeds[row], "masks", indices, width)
        masks = (
            self.segments.spread(draws[:, : self.segment_count] < self.p) if self.segments else {}
        )
        rest = np.split(draws[:, self.segment_count :], len(self.smooth) or 1, axis=1)
        # Without pictures there is one part, which is empty.
        for site, site_draws in zip(self.smooth, rest, strict=False):
            masks[site] = self._build_plane_masks(site, site_draws)
        return masks

    @property
    def broadcast_sites(self) -> frozenset[str]:
        """Return the sites whose channels share a mask."""
        return frozenset(self.smooth) | (
            find_broadcast_sites(self.batch, self.segments.labels) if self.segments else frozenset()
        )

    def compute_weights(self, indices: Indices) -> Array:
        """Return the weight of each mask, which is its probability or its share of the draws."""
        if not self.is_exhaustive:
            return np.full(len(indices), 1.0 / self.count)
        stay = unpack_bits(indices + self.first, self.segment_count).sum(axis=1)
        return np.asarray(self.p**stay * (1 - self.p) ** (self.segment_count - stay))

    def _build_plane_masks(self, site: str, draws: Floats) -> Floats:
        """Return enlarged grids, (n, ...). The last two draws are offsets, the others are cells."""
        axes, array = self.batch.spatial_axes[site], self.batch.inputs[site]
        cells = (draws[:, :-2] < self.p).reshape(-1, self.grid, self.grid).astype(np.float32)
        high, wide = (
            self._build_enlarging_matrix(array.shape[axis], shift)
            for axis, shift in zip(axes, draws[:, -2:].T, strict=True)
        )
        masks = high @ cells @ np.swapaxes(wide, 1, 2)
        shape = compute_plane_shape(array.ndim - 1, axes, masks.shape[1:])
        return masks.reshape(len(masks), *shape)

    def _build_enlarging_matrix(self, length: int, shifts: Floats) -> Floats:
        """Return matrices that enlarge a line of cells to `length` pixels, (n, length, grid)."""
        cell = -(-length // self.grid)  # pixels per cell, rounded up
        starts = (shifts * cell).astype(np.intp)
        # One cell more than the picture, so that any crop offset up to a cell fits.
        matrix = build_resize_matrix(self.grid, (self.grid + 1) * cell).T
        return np.asarray(matrix[starts[:, np.newaxis] + np.arange(length)])
