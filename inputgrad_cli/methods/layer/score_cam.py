"""Maps weighted by the scores of inputs that are masked with them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, methods
from inputgrad_cli.methods._parallel import map_chunks
from inputgrad_cli.methods._point_chunks import Indices, split_probes
from inputgrad_cli.methods.layer._base import CAM, to_cam_result, to_channels_last
from inputgrad_cli.methods.layer._upsample import find_map_axes, upsample_maps
from inputgrad_cli.numeric.array_helpers import Array, Arrays, Floats, rescale_to_unit


@methods.register
@dataclass(frozen=True)
class ScoreCAM(CAM):
    """Sum of a layer's maps, each weighted by the score of the input that is masked with it.

    Values are relu(sum_k w_k A_k), coarse as in grad-cam. Every map is scaled to 0..1 and
    enlarged to the input; w is the softmax over k of score(baseline + map_k (input - baseline)) -
    score(baseline). No gradients; one forward pass for every channel of the layer.
    Wang et al. 2019, arXiv:1910.01279.
    """

    name = "score-cam"
    paper = "arXiv:1910.01279"
    aliases = ("ablation-cam",)

    @property
    def uses_baseline(self) -> bool:
        """Return True, because it replaces the input where a map is low."""
        return True

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the weighted sum, (B, ...) with the spatial axes of the layer."""
        tap = self.find_tap(engine, batch)
        # Without a target the layer is read alone, and the backward pass is saved.
        maps, _ = to_channels_last(engine.compute_layer(batch.inputs, None, tap), self.name)
        base = engine.compute_scores(batch.baseline, batch.target)
        gains = _compute_map_scores(engine, batch, tap, _normalize_maps(maps)) - base[:, np.newaxis]
        # A softmax; the largest gain is subtracted so that exp cannot overflow.
        weights = np.exp(gains - gains.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        total = np.einsum("b...c,bc->b...", maps, weights)
        return to_cam_result(self, tap, total)


def _normalize_maps(maps: Array) -> Floats:
    """Scale every map of every sample to 0..1; a constant map becomes 0."""
    return rescale_to_unit(maps, tuple(range(1, maps.ndim - 1)))


def _compute_map_scores(engine: Engine, batch: Batch, tap: str, maps: Array) -> Floats:
    """Return the scores of the inputs masked with each of the C maps: (B, C)."""
    channels = maps.shape[-1]
    map_scores = np.empty((len(batch), channels), np.float64)
    axes = find_map_axes(engine, batch, tap, count=maps.ndim - 2, method="score-cam")

    def compute(rows: Indices, indices: Indices) -> Array:
        copies = batch.take(rows)
        return engine.compute_scores(
            _mask_inputs(copies, maps[rows, ..., indices], axes), copies.target
        )

    chunks = split_probes(len(batch), channels, engine.batch_size)
    for rows, indices, scores in map_chunks(engine, chunks, compute, parallel=batch.parallel):
        map_scores[rows, indices] = scores
    return map_scores


def _mask_inputs(copies: Batch, maps: Array, axes: Mapping[str, tuple[int, ...]]) -> Arrays:
    """Mask every copy with its map, (N, ...) from 0 (the baseline) to 1 (the input)."""
    points = dict(copies.inputs)
    for site, site_axes in axes.items():
        inputs, baseline = copies.inputs[site], copies.baseline[site]
        mask = upsample_maps(maps, inputs.shape, site_axes)
        points[site] = np.asarray(baseline + mask * (inputs - baseline), np.float32)
    return points
