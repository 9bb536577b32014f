"""Maps weighted by the scores of what they let through."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, methods
from inputgrad_cli.methods._parallel import overlapped
from inputgrad_cli.methods.layer._base import CAM, as_cam, channels_last
from inputgrad_cli.methods.layer._upsample import over_places, stretched
from inputgrad_cli.numeric.arrays import Array, Arrays, Floats
from inputgrad_cli.numeric.probes import Rows, chunks


@methods.register
@dataclass(frozen=True)
class ScoreCAM(CAM):
    """Sum of a layer's maps, each weighted by the score of the input that it lets through.

    Values are relu(sum_k w_k A_k), coarse as in grad-cam. Every map is brought to 0..1 and to the
    size of the input; w are the softmax over k of score(baseline + map_k (input - baseline)) -
    score(baseline). No gradients; one forward pass for every channel of the layer.
    Wang et al. 2019, arXiv:1910.01279.
    """

    name = "score-cam"
    paper = "arXiv:1910.01279"
    known_as = ("ablation-cam",)

    @property
    def uses_baseline(self) -> bool:
        """Return True: it is seen where a map is dark."""
        return True

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the weighted sum, (B, ...) along the layer's spatial axes."""
        tap = self.tap(engine, case)
        maps, _ = channels_last(engine.layer(case.inputs, None, tap), self.name)
        base = engine.scores(case.baseline, case.target)
        gains = _scores(engine, case, tap, _unit(maps)) - base[:, np.newaxis]
        weights = np.exp(gains - gains.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        total = np.einsum("b...c,bc->b...", maps, weights)
        return as_cam(self, tap, total)


def _unit(maps: Array) -> Floats:
    """Return every map of every sample brought to 0..1; a flat one lets nothing through."""
    places = tuple(range(1, maps.ndim - 1))
    low = maps.min(axis=places, keepdims=True)
    span = maps.max(axis=places, keepdims=True) - low
    return np.asarray(np.divide(maps - low, span, out=np.zeros_like(maps), where=span > 0))


def _scores(engine: Engine, case: Case, tap: str, maps: Array) -> Floats:
    """Return the score of the input seen through each map: (B, C)."""
    channels = maps.shape[-1]
    out = np.empty((len(case), channels), np.float64)
    axes = over_places(engine, case, tap, count=maps.ndim - 2, method="score-cam")

    def ask(rows: Rows, numbers: Rows) -> Array:
        part = case.take(rows)
        return engine.scores(_through(part, maps[rows, ..., numbers], axes), part.target)

    pieces = chunks(len(case), channels, engine.batch_size)
    for rows, numbers, scores in overlapped(engine, pieces, ask):
        out[rows, numbers] = scores
    return out


def _through(part: Case, maps: Array, axes: Mapping[str, tuple[int, ...]]) -> Arrays:
    """Return each input through its own map, (N, ...) of 0..1: dark is the baseline."""
    points = dict(part.inputs)
    for site, where in axes.items():
        here, far = part.inputs[site], part.baseline[site]
        light = stretched(maps, here.shape, where)
        points[site] = np.asarray(far + light * (here - far), np.float32)
    return points
