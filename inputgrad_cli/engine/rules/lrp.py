"""Layer-wise relevance propagation, carried as multipliers R / activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.rules.backward_pass import NoRuleError, Sent
from inputgrad_cli.engine.rules.input_layer import Front
from inputgrad_cli.engine.rules.linear_layer import TINY, Weighted, stabilised
from inputgrad_cli.engine.rules.operations import (
    CALLS,
    CONVOLUTIONS,
    ELEMENTWISE,
    EXTREMES,
    HOMOGENEOUS,
    POOLED,
    WEIGHTED,
)
from inputgrad_cli.engine.rules.trace import Trace, adjoint, carries, is_linear
from inputgrad_cli.interfaces.engine import Rule

ZERO = 1e-12


class Lrp:
    """One rule of LRP, or the composite of several.

    Sums, means, residual additions and normalizations share by their derivatives, which is LRP-0;
    the greatest of several takes all; a function of one value hands on what it got.
    At inputs, and what is one to one with them, relevance itself is carried.
    """

    def __init__(self, trace: Trace, rule: Rule) -> None:
        self.trace, self.rule, self.rules = trace, rule, 0
        self.front = Front(trace, rule)

    def back(self, op: Any, upstream: Sequence[Any]) -> Sent:
        """Return what goes to which earlier tensor."""
        if op in self.front.operations:
            return self.front.back(op, upstream)
        lives = self.trace.lives(op)
        if self._is_weighted(op, lives):
            self.rules += 1
            return self._weighted(Weighted(self.trace, op, lives[0]), upstream[0])
        if op.type in CALLS:
            raise NoRuleError  # the weights of a compiled grouped convolution are out of reach
        if is_linear(op, lives):
            return self._sent(zip(op.inputs, adjoint(op, upstream), strict=True))
        self.rules += 1
        into = [op.inputs[place] for place in lives]
        if op.type in HOMOGENEOUS | POOLED or (op.type in EXTREMES and len(lives) > 1):
            return self._sent(zip(op.inputs, adjoint(op, upstream), strict=True))
        z = self.trace.origin([*into, op.outputs[0]]) if op.type in ELEMENTWISE else None
        if z is None:
            raise NoRuleError
        return self._sent([(z, self._handed_on(op.outputs[0], z, upstream[0]))])

    def _handed_on(self, y: Any, z: Any, upstream: Any) -> Any:
        """Return the multiplier before a function that hands on its relevance: upstream y / z."""
        near = tf.abs(z) < ZERO
        quotient = y / tf.where(near, tf.ones_like(z), z)
        return tf.where(near, self.trace.derivative(y, z, upstream), upstream * quotient)

    def _is_weighted(self, op: Any, lives: list[int]) -> bool:
        floats = [place for place, tensor in enumerate(op.inputs) if carries(tensor)]
        return op.type in WEIGHTED and len(floats) == 2 and len(lives) == 1

    def _sent(self, sent: Sent) -> Sent:
        """Return relevance where the tensor is one to one with an input, else the multiplier."""
        return [(t, t * m if m is not None and id(t) in self.front.tensors else m) for t, m in sent]

    def _weighted(self, layer: Weighted, upstream: Any) -> Sent:
        name = self.rule.name.removeprefix("lrp-")
        is_convolution = layer.op.type in CONVOLUTIONS
        if id(layer.x) in self.front.tensors:
            if name == "deep-taylor":
                bounded = self.rule.low is not None
                return [(layer.x, self.front.share(layer, upstream, "box" if bounded else "w2"))]
            if name == "composite" and is_convolution:
                return [(layer.x, self.front.share(layer, upstream, "flat"))]
        if name == "composite":
            name = "z-plus" if is_convolution else "epsilon"
        return self._sent([(layer.x, self._multipliers(layer, upstream, name))])

    def _multipliers(self, layer: Weighted, upstream: Any, name: str) -> Any:
        z = layer.z
        if name == "epsilon":
            factor = z / stabilised(z, max(self.rule.epsilon, TINY))
            return adjoint(layer.op, [upstream * factor])[layer.place]
        up, down = layer.parts
        bias = layer.affine[1]
        if name == "gamma":
            gamma, above = self.rule.gamma, z > 0
            more = tf.where(above, up + tf.nn.relu(bias), down - tf.nn.relu(-bias))
            factor = z / stabilised(z + gamma * more)
            raised = factor * (1 + gamma)
            positive, negative = tf.where(above, raised, factor), tf.where(above, factor, raised)
            return layer.share(upstream, positive, negative)
        if name == "alpha1-beta0":
            up += tf.nn.relu(bias)
        return layer.share(upstream, z / stabilised(up), None)
