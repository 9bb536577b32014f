"""Between tensors and arrays: what goes into a pass, and how the passes of a batch are joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.data.target import PinnedTarget
from inputgrad_cli.engine.adapter.scores import Pins
from inputgrad_cli.interfaces.engine import FirstPass, Gradients, LayerPass
from inputgrad_cli.numeric.arrays import Arrays, join


def pins_of(target: PinnedTarget) -> Pins:
    """Return a pinned target as tensors."""
    nothing = np.zeros((len(target.index), 0), np.float32)
    truth = nothing if target.truth is None else target.truth
    arrays = (target.index, target.signs, target.offset, truth)
    return Pins(*(tf.convert_to_tensor(array) for array in arrays))


def pinned(target: PinnedTarget, pins: Pins) -> PinnedTarget:
    """Return the target as a pass resolved it."""
    index, signs, offset = (np.asarray(p) for p in pins[:3])
    return replace(target, index=index, signs=signs, offset=offset)


def gradients_from(inputs: Arrays, found: Mapping[str, Any], scores: Any, real: int) -> Gradients:
    """Return NumPy gradients of the `real` rows; a disconnected site gets zeros and is named."""
    values = {
        site: np.zeros_like(inputs[site][:real]) if g is None else np.asarray(g)[:real]
        for site, g in found.items()
    }
    apart = frozenset(site for site, g in found.items() if g is None)
    return Gradients(values, np.asarray(scores)[:real], apart)


def join_gradients(parts: Sequence[Gradients]) -> Gradients:
    """Return the gradients of several passes as one."""
    if len(parts) == 1:
        return parts[0]
    values = join([part.values for part in parts])
    return Gradients(values, np.concatenate([p.scores for p in parts]), parts[0].disconnected)


def layer_pass(name: str, parts: Iterable[tuple[Arrays, int, Any]], channels: int) -> LayerPass:
    """Return the passes over a layer as one."""
    values, gradients, scores, apart = [], [], [], False
    for _, real, (out, slope, score) in parts:
        apart = slope is None
        values.append(np.asarray(out)[:real])
        gradients.append(np.zeros_like(values[-1]) if apart else np.asarray(slope)[:real])
        scores.append(np.asarray(score)[:real])
    out, slope, score = (np.concatenate(rows) for rows in (values, gradients, scores))
    return LayerPass(name, out, slope, score, channels, apart)


def join_first(parts: Sequence[FirstPass]) -> FirstPass:
    """Return the first passes over the pieces of a batch as one."""
    if len(parts) == 1:
        return parts[0]
    by_choice = list(zip(*(part.gradients for part in parts), strict=True))
    return FirstPass(
        join([part.outputs for part in parts]),
        [join_targets(same) for same in zip(*(p.targets for p in parts), strict=True)],
        [np.concatenate(same) for same in zip(*(p.scores for p in parts), strict=True)],
        [join_gradients(same) for same in by_choice],
    )


def join_targets(parts: Sequence[PinnedTarget]) -> PinnedTarget:
    """Return the entries of several targets of one kind, one after the other."""
    truths = [part.truth for part in parts if part.truth is not None]
    return replace(
        parts[0],
        index=np.concatenate([part.index for part in parts]),
        signs=np.concatenate([part.signs for part in parts]),
        offset=np.concatenate([part.offset for part in parts]),
        truth=np.concatenate(truths) if truths else None,
    )
