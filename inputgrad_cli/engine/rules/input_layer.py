"""LRP at the inputs: the rules of the first layer, and what lies before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.rules.backward_pass import Sent
from inputgrad_cli.engine.rules.linear_layer import Weighted, is_shift_or_scale, stabilised
from inputgrad_cli.engine.rules.operations import MOVES
from inputgrad_cli.engine.rules.trace import Trace, adjoint, like
from inputgrad_cli.interfaces.engine import Rule


class Front:
    """The tensors whose values are those of the inputs, one to one: scaled, shifted, moved.

    Each such value has one origin, which gets all of its relevance: what is added on the way
    takes nothing. Layers that are differentiated at are no inputs.
    """

    def __init__(self, trace: Trace, rule: Rule) -> None:
        self.trace, self.rule = trace, rule
        self.tensors = {id(t) for name, t in trace.sites.items() if not is_tap(name)}
        self.operations: set[Any] = set()
        self._inputs = set(self.tensors)
        for op in trace.operations:
            lives = trace.lives(op)
            into = all(id(op.inputs[place]) in self.tensors for place in lives)
            if lives and into and lives == trace.moves(op) and _one_to_one(op, lives):
                self.operations.add(op)
                self.tensors |= {id(out) for out in op.outputs}

    def back(self, op: Any, upstream: Sequence[Any]) -> Sent:
        """Return the relevance of the inputs of an operation, from that of its outputs."""
        if op.type in MOVES:
            return zip(op.inputs, adjoint(op, upstream), strict=True)
        into = op.inputs[self.trace.lives(op)[0]]
        return [(into, tf.cast(upstream[0], into.dtype))]

    def share(self, layer: Weighted, upstream: Any, rule: str) -> Any:
        """Return the relevance of the inputs of a first layer: by `flat`, `w2` or `box`."""
        scale = layer.affine[0]
        relevance = upstream * layer.z
        if scale is not None:  # upstream came through the scale already
            relevance /= stabilised(scale)
        if rule == "box":
            return self._box(layer, relevance, scale)
        above, below = layer.w
        weights = tf.ones_like(above) if rule == "flat" else tf.square(above + below)
        total = layer.forth(tf.ones_like(layer.x), weights)
        return layer.to(weights, relevance / stabilised(total))

    def _box(self, layer: Weighted, relevance: Any, scale: Any) -> Any:
        """Return x w - low w+ - high w-, over its sum; where the scale is negative, w turns."""
        low, high = self._bounds(layer.x)
        above, below = layer.w
        u = layer.op.outputs[0]
        kept = relevance / stabilised(u - layer.forth(low, above) - layer.forth(high, below))
        turned = tf.zeros_like(kept)
        if scale is not None:
            other = u - layer.forth(low, below) - layer.forth(high, above)
            turned = tf.where(scale < 0, relevance / stabilised(other), turned)
            kept = tf.where(scale < 0, tf.zeros_like(kept), kept)
        to_low = layer.to(above, kept) + layer.to(below, turned)
        to_high = layer.to(below, kept) + layer.to(above, turned)
        return layer.x * layer.to(above + below, kept + turned) - low * to_low - high * to_high

    def _bounds(self, tensor: Any) -> tuple[Any, Any]:
        """Return the least and the greatest value that each place of a tensor can have."""
        if id(tensor) in self._inputs:
            return tuple(tf.zeros_like(tensor) + b for b in (self.rule.low, self.rule.high))
        op, lives = tensor.op, self.trace.lives(tensor.op)
        ends: tuple[list[Any], list[Any]] = (list(op.inputs), list(op.inputs))
        for place in lives:
            ends[0][place], ends[1][place] = self._bounds(op.inputs[place])
        a, b = (like(op, end).outputs[tensor.value_index] for end in ends)
        return tf.minimum(a, b), tf.maximum(a, b)


def _one_to_one(op: Any, lives: list[int]) -> bool:
    if op.type in MOVES or op.type == "Cast":
        return True
    return len(lives) == 1 and is_shift_or_scale(op, lives)
