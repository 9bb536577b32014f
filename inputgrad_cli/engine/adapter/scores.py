"""Computes the scalar per sample from the outputs of a model and a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.data.signature import OutputSpec
from inputgrad_cli.data.unresolved_target import RECONSTRUCTION
from inputgrad_cli.engine.adapter.final_activation import find_logits
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.losses import Losses, average_per_sample
from inputgrad_cli.engine.adapter.type_aliases import Tensors
from inputgrad_cli.errors import UsageError


class PinnedTensors(NamedTuple):
    """A pinned target as tensors, batch axis first; `truth` is (B, 0) if none is needed."""

    index: Any
    signs: Any
    offset: Any
    truth: Any


def to_space(target: ResolvedTarget, output: Any) -> Any:
    """Return the logits or the output itself, by the target's space, as float32 or float64."""
    if target.space != "logit":
        return widen_to_float32(output)
    logits = find_logits(output)
    if logits is None:
        raise UsageError(
            f"the logits of output {target.head!r} lie before the layer that is differentiated",
            hint="use --space output, or differentiate at an earlier layer",
        )
    # A reshape after the activation keeps the order of the values.
    if logits.shape.as_list() != output.shape.as_list():
        logits = tf.reshape(logits, tf.shape(output))
    return widen_to_float32(logits)


def widen_to_float32(tensor: Any) -> Any:
    """Return the tensor unchanged if it is float64, else as float32."""
    return tensor if tensor.dtype == tf.float64 else tf.cast(tensor, tf.float32)


def resolve_rank(target: ResolvedTarget, spec: OutputSpec, output: Any) -> PinnedTensors:
    """Return the class of the target's rank for each sample, as a pinned target."""
    values = tf.stop_gradient(to_space(target, output))
    rows = tf.shape(values)[0]
    if spec.is_binary:
        return _resolve_binary_rank(target, spec, values, rows)
    flat = tf.reshape(values, (rows, -1))
    best = tf.math.top_k(flat, k=target.rank + 1).indices[:, target.rank]
    axes = len(spec.shape or ())
    axis = spec.axis % max(axes, 1)
    index = tf.stack([best if i == axis else tf.zeros_like(best) for i in range(axes)], axis=-1)
    ones, zeros = tf.ones((rows, 1)), tf.zeros((rows,))
    return PinnedTensors(index[:, tf.newaxis, :], ones, zeros, tf.zeros((rows, 0)))


def _resolve_binary_rank(
    target: ResolvedTarget, spec: OutputSpec, values: Any, rows: Any
) -> PinnedTensors:
    """Return the predicted class of a single sigmoid unit (rank 0), or the other (rank 1)."""
    # The logit 0 is the probability 0.5, above which the unit stands for class 1.
    threshold = 0.0 if target.space == "logit" else 0.5
    is_positive = tf.reshape(values, (rows,)) >= threshold
    if target.rank:
        is_positive = tf.logical_not(is_positive)
    # The other class has the logit -z, and the probability 1 - p.
    signs = tf.where(is_positive, 1.0, -1.0)
    negative_offset = 0.0 if target.space == "logit" else 1.0
    index = tf.zeros((rows, 1, len(spec.shape or ())), tf.int32)
    offset = tf.where(is_positive, 0.0, negative_offset)
    return PinnedTensors(index, signs[:, tf.newaxis], offset, tf.zeros((rows, 0)))


def compute_scores(
    target: ResolvedTarget,
    outputs: Tensors,
    pinned: PinnedTensors,
    inputs: Mapping[str, Any],
    *,
    losses: Losses,
) -> Any:
    """Return the score of each sample, float32 or float64 (B,)."""
    output = outputs[target.head]
    if target.kind == "loss":
        if target.argument == RECONSTRUCTION:
            truth = _find_reconstructed(target, output, inputs)
            return average_per_sample(
                tf.math.squared_difference(truth, tf.cast(output, truth.dtype))
            )
        return losses[target.argument].compute_scores(pinned.truth, widen_to_float32(output))
    values = to_space(target, output)
    if target.kind == "mask":
        return tf.reduce_sum(tf.reshape(values * pinned.truth, (tf.shape(values)[0], -1)), axis=1)
    if target.kind == "reduce":
        return _reduce(target.argument, tf.reshape(values, (tf.shape(values)[0], -1)))
    if values.shape.rank == 1:  # a single number per sample has no axis of units to pick from
        picked = values[:, tf.newaxis]
    else:
        picked = tf.gather_nd(values, pinned.index, batch_dims=1)
    signs, offset = (tf.cast(pin, picked.dtype) for pin in (pinned.signs, pinned.offset))
    scores = offset + tf.reduce_sum(signs * picked, axis=1)
    if target.kind == "rival":
        scores -= _combine_rivals(target.argument, values, pinned.index)
    return scores


def _combine_rivals(combination: str, values: Any, index: Any) -> Any:
    """Return the maximum or logsumexp over all classes but the pinned one, (B, ...) -> (B,)."""
    flat = tf.reshape(values, (tf.shape(values)[0], -1))
    # All axes but that of the classes have length 1, so their indices are 0.
    classes = tf.reduce_sum(index[:, 0], axis=-1)
    is_pinned = tf.one_hot(classes, tf.shape(flat)[1], on_value=True, off_value=False)
    rivals = tf.where(is_pinned, tf.constant(float("-inf"), flat.dtype), flat)
    return (tf.reduce_logsumexp if combination == "logsumexp" else tf.reduce_max)(rivals, axis=1)


def _reduce(reduction: str, flat: Any) -> Any:
    """Return the reduction of each row of `flat`, (B, N) -> (B,)."""
    reductions = {
        "sum": tf.reduce_sum,
        "mean": tf.reduce_mean,
        "max": tf.reduce_max,
        "norm": tf.norm,
    }
    return reductions[reduction](flat, axis=1)


def _find_reconstructed(target: ResolvedTarget, output: Any, inputs: Mapping[str, Any]) -> Any:
    """Return the only input whose shape fits the output; UsageError otherwise."""
    model_inputs = {name: tensor for name, tensor in inputs.items() if not is_tap(name)}
    matches = [t for t in model_inputs.values() if t.shape.is_compatible_with(output.shape)]
    if len(matches) == 1:
        return matches[0]
    shapes = ", ".join(f"{name} {tuple(t.shape[1:])}" for name, t in model_inputs.items())
    raise UsageError(
        f"target loss:{RECONSTRUCTION}: output {target.head!r} of shape {tuple(output.shape[1:])} "
        "must match one input",
        reason=f"the inputs are {shapes}",
    )
