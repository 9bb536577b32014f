"""Converts between tensors and arrays, and joins the passes of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget
from inputgrad_cli.engine.adapter.scores import PinnedTensors
from inputgrad_cli.interfaces.engine import FirstPass, Gradients, LayerPass
from inputgrad_cli.numeric.array_helpers import Arrays, concat_rows


def to_pins(target: PinnedTarget) -> PinnedTensors:
    """Convert a pinned target to tensors."""
    # A traced program takes a truth in every case, so one without values stands for none.
    nothing = np.zeros((len(target.index), 0), np.float32)
    truth = nothing if target.truth is None else target.truth
    arrays = (target.index, target.signs, target.offset, truth)
    return PinnedTensors(*(tf.convert_to_tensor(array) for array in arrays))


def apply_pins(target: PinnedTarget, pins: PinnedTensors) -> PinnedTarget:
    """Return the target with the indices, signs and offsets that a pass resolved."""
    index, signs, offset = (np.asarray(p) for p in pins[:3])
    return replace(target, index=index, signs=signs, offset=offset)


def to_gradients(inputs: Arrays, gradients: Mapping[str, Any], scores: Any, real: int) -> Gradients:
    """Convert the first `real` rows to arrays; a disconnected site gets zeros and is listed."""
    values = {
        site: np.zeros_like(inputs[site][:real]) if g is None else np.asarray(g)[:real]
        for site, g in gradients.items()
    }
    disconnected = frozenset(site for site, g in gradients.items() if g is None)
    return Gradients(values, np.asarray(scores)[:real], disconnected)


def join_gradients(parts: Sequence[Gradients]) -> Gradients:
    """Join the gradients of several passes along the batch axis."""
    if len(parts) == 1:
        return parts[0]
    values = concat_rows([part.values for part in parts])
    # One program ran for all parts, so the same sites are disconnected.
    return Gradients(values, np.concatenate([p.scores for p in parts]), parts[0].disconnected)


def join_layer_passes(
    name: str, parts: Iterable[tuple[Arrays, int, Any]], channels: int
) -> LayerPass:
    """Join the passes over a layer along the batch axis."""
    values, gradients, scores, disconnected = [], [], [], False
    for _, real, (output, slope, score) in parts:
        disconnected = slope is None
        values.append(np.asarray(output)[:real])
        gradients.append(np.zeros_like(values[-1]) if disconnected else np.asarray(slope)[:real])
        scores.append(np.asarray(score)[:real])
    output, slope, score = (np.concatenate(rows) for rows in (values, gradients, scores))
    return LayerPass(name, output, slope, score, channels, disconnected)


def concat_first_passes(parts: Sequence[FirstPass]) -> FirstPass:
    """Join the first passes over the parts of a batch along the batch axis."""
    if len(parts) == 1:
        return parts[0]
    by_choice = list(zip(*(part.gradients for part in parts), strict=True))
    return FirstPass(
        concat_rows([part.outputs for part in parts]),
        [join_targets(same) for same in zip(*(p.targets for p in parts), strict=True)],
        [np.concatenate(same) for same in zip(*(p.scores for p in parts), strict=True)],
        [join_gradients(same) for same in by_choice],
    )


def join_targets(parts: Sequence[PinnedTarget]) -> PinnedTarget:
    """Join the rows of several targets of one kind along the batch axis."""
    truths = [part.truth for part in parts if part.truth is not None]
    return replace(
        parts[0],
        index=np.concatenate([part.index for part in parts]),
        signs=np.concatenate([part.signs for part in parts]),
        offset=np.concatenate([part.offset for part in parts]),
        truth=np.concatenate(truths) if truths else None,
    )
