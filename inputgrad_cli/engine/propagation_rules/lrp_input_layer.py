"""Implements the LRP rules of the first layer and of the operations before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.propagation_rules.backward_pass import Contributions
from inputgrad_cli.engine.propagation_rules.lrp_linear_layer import (
    LinearLayer,
    is_shift_or_scale,
    stabilize,
)
from inputgrad_cli.engine.propagation_rules.operation_categories import COPYING
from inputgrad_cli.engine.propagation_rules.traced_operations import (
    Trace,
    compute_adjoint,
    copy_operation,
)
from inputgrad_cli.interfaces.engine import BackwardRule


class InputRegion:
    """The tensors whose values are scaled, shifted or moved values of the inputs, one to one.

    Each such value has one origin, which gets all of its relevance; added constants get none.
    Layers that are sites are not inputs.
    """

    def __init__(self, trace: Trace, rule: BackwardRule) -> None:
        self.trace, self.rule = trace, rule
        self.tensors = {id(t) for name, t in trace.sites.items() if not is_tap(name)}
        self.operations: set[Any] = set()
        self._inputs = set(self.tensors)
        for op in trace.operations:
            relevant = trace.list_relevant_inputs(op)
            into = all(id(op.inputs[i]) in self.tensors for i in relevant)
            if (
                relevant
                and into
                and relevant == trace.list_dependent_inputs(op)
                and _is_one_to_one(op, relevant)
            ):
                self.operations.add(op)
                self.tensors |= {id(out) for out in op.outputs}

    def propagate(self, op: Any, upstream: Sequence[Any]) -> Contributions:
        """Return the relevance of an operation's inputs from the relevance of its outputs."""
        if op.type in COPYING:
            return zip(op.inputs, compute_adjoint(op, upstream), strict=True)
        into = op.inputs[self.trace.list_relevant_inputs(op)[0]]
        return [(into, tf.cast(upstream[0], into.dtype))]

    def share(self, layer: LinearLayer, upstream: Any, rule: str) -> Any:
        """Return the relevance of a first layer's inputs by the rule `flat`, `w2` or `box`."""
        scale = layer.affine[0]
        relevance = upstream * layer.z
        if scale is not None:  # upstream includes the scale already
            relevance /= stabilize(scale)
        if rule == "box":
            return self._share_by_box(layer, relevance, scale)
        above, below = layer.signed_weights
        weights = tf.ones_like(above) if rule == "flat" else tf.square(above + below)
        total = layer.multiply(tf.ones_like(layer.x), weights)
        return layer.backpropagate(weights, relevance / stabilize(total))

    def _share_by_box(self, layer: LinearLayer, relevance: Any, scale: Any) -> Any:
        """Return x w - low w+ - high w-, over its sum; w+ and w- swap if the scale is negative."""
        low, high = self._compute_bounds(layer.x)
        above, below = layer.signed_weights
        u = layer.op.outputs[0]
        upright = relevance / stabilize(
            u - layer.multiply(low, above) - layer.multiply(high, below)
        )
        flipped = tf.zeros_like(upright)
        if scale is not None:
            swapped_sum = u - layer.multiply(low, below) - layer.multiply(high, above)
            flipped = tf.where(scale < 0, relevance / stabilize(swapped_sum), flipped)
            upright = tf.where(scale < 0, tf.zeros_like(upright), upright)
        to_low = layer.backpropagate(above, upright) + layer.backpropagate(below, flipped)
        to_high = layer.backpropagate(below, upright) + layer.backpropagate(above, flipped)
        return (
            layer.x * layer.backpropagate(above + below, upright + flipped)
            - low * to_low
            - high * to_high
        )

    def _compute_bounds(self, tensor: Any) -> tuple[Any, Any]:
        """Return the smallest and the largest possible value of each element of a tensor."""
        if id(tensor) in self._inputs:
            return tuple(tf.zeros_like(tensor) + b for b in (self.rule.low, self.rule.high))
        op, relevant = tensor.op, self.trace.list_relevant_inputs(tensor.op)
        ends: tuple[list[Any], list[Any]] = (list(op.inputs), list(op.inputs))
        for i in relevant:
            ends[0][i], ends[1][i] = self._compute_bounds(op.inputs[i])
        a, b = (copy_operation(op, end).outputs[tensor.value_index] for end in ends)
        return tf.minimum(a, b), tf.maximum(a, b)


def _is_one_to_one(op: Any, relevant: list[int]) -> bool:
    if op.type in COPYING or op.type == "Cast":
        return True
    return len(relevant) == 1 and is_shift_or_scale(op, relevant)
