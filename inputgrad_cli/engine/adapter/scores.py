"""From outputs and a choice to the scalar per sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from inputgrad_cli.data.signature import Head
from inputgrad_cli.data.target import Choice
from inputgrad_cli.data.target_text import RECONSTRUCTION
from inputgrad_cli.engine.adapter.endings import logits_of
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import Tensors
from inputgrad_cli.engine.adapter.losses import Losses, per_sample
from inputgrad_cli.errors import UsageError


class Pins(NamedTuple):
    """A pinned target as tensors, batch first; `truth` has no columns where none is needed."""

    index: Any
    signs: Any
    offset: Any
    truth: Any


def in_space(choice: Choice, output: Any) -> Any:
    """Return the tensor that the choice reads, at least float32: logits or the output itself."""
    if choice.space != "logit":
        return at_least_float32(output)
    logits = logits_of(output)
    if logits is None:
        raise UsageError(
            f"the logits of output {choice.head!r} lie before the layer that is differentiated",
            mend="use --space output, or differentiate at an earlier layer",
        )
    if logits.shape.as_list() != output.shape.as_list():
        logits = tf.reshape(logits, tf.shape(output))
    return at_least_float32(logits)


def at_least_float32(tensor: Any) -> Any:
    """Return the tensor as float64 if it is that, else as float32."""
    return tensor if tensor.dtype == tf.float64 else tf.cast(tensor, tf.float32)


def resolve_rank(choice: Choice, head: Head, output: Any) -> Pins:
    """Return the pins of "the class of rank `choice.rank`" for each sample."""
    values = tf.stop_gradient(in_space(choice, output))
    rows = tf.shape(values)[0]
    if head.is_binary:
        return _binary_rank(choice, head, values, rows)
    flat = tf.reshape(values, (rows, -1))
    best = tf.math.top_k(flat, k=choice.rank + 1).indices[:, choice.rank]
    axes = len(head.shape or ())
    axis = head.axis % max(axes, 1)
    index = tf.stack([best if i == axis else tf.zeros_like(best) for i in range(axes)], axis=-1)
    ones, zeros = tf.ones((rows, 1)), tf.zeros((rows,))
    return Pins(index[:, tf.newaxis, :], ones, zeros, tf.zeros((rows, 0)))


def _binary_rank(choice: Choice, head: Head, values: Any, rows: Any) -> Pins:
    """Return the predicted class of one sigmoid unit (rank 0), or the other one."""
    middle = 0.0 if choice.space == "logit" else 0.5
    is_one = tf.reshape(values, (rows,)) >= middle
    if choice.rank:
        is_one = tf.logical_not(is_one)
    signs = tf.where(is_one, 1.0, -1.0)
    lift = 0.0 if choice.space == "logit" else 1.0
    index = tf.zeros((rows, 1, len(head.shape or ())), tf.int32)
    offset = tf.where(is_one, 0.0, lift)
    return Pins(index, signs[:, tf.newaxis], offset, tf.zeros((rows, 0)))


def scalar(
    choice: Choice, outputs: Tensors, pins: Pins, inputs: Mapping[str, Any], *, losses: Losses
) -> Any:
    """Return the score of each sample, float32 or float64 (B,)."""
    output = outputs[choice.head]
    if choice.kind == "loss":
        if choice.how == RECONSTRUCTION:
            truth = _reconstructed(choice, output, inputs)
            return per_sample(tf.math.squared_difference(truth, tf.cast(output, truth.dtype)))
        return losses[choice.how].scores(pins.truth, at_least_float32(output))
    values = in_space(choice, output)
    if choice.kind == "mask":
        return tf.reduce_sum(tf.reshape(values * pins.truth, (tf.shape(values)[0], -1)), axis=1)
    if choice.kind == "reduce":
        return _reduce(choice.how, tf.reshape(values, (tf.shape(values)[0], -1)))
    if values.shape.rank == 1:
        picked = values[:, tf.newaxis]
    else:
        picked = tf.gather_nd(values, pins.index, batch_dims=1)
    signs, offset = (tf.cast(pin, picked.dtype) for pin in (pins.signs, pins.offset))
    return offset + tf.reduce_sum(signs * picked, axis=1)


def _reduce(how: str, flat: Any) -> Any:
    reductions = {
        "sum": tf.reduce_sum,
        "mean": tf.reduce_mean,
        "max": tf.reduce_max,
        "norm": tf.norm,
    }
    return reductions[how](flat, axis=1)


def _reconstructed(choice: Choice, output: Any, inputs: Mapping[str, Any]) -> Any:
    own = {name: tensor for name, tensor in inputs.items() if not is_tap(name)}
    alike = [t for t in own.values() if t.shape.is_compatible_with(output.shape)]
    if len(alike) == 1:
        return alike[0]
    shapes = ", ".join(f"{name} {tuple(t.shape[1:])}" for name, t in own.items())
    raise UsageError(
        f"target loss:{RECONSTRUCTION}: output {choice.head!r} of shape {tuple(output.shape[1:])} "
        "must match one input",
        reason=f"the inputs are {shapes}",
    )
