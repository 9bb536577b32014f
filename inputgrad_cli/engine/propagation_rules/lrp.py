"""Implements layer-wise relevance propagation, with multipliers R / activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.adapter.graph_traversal_properties import FUNCTION_CALLS, has_derivative
from inputgrad_cli.engine.propagation_rules.backward_pass import Contributions, NoRuleError
from inputgrad_cli.engine.propagation_rules.lrp_input_layer import InputRegion
from inputgrad_cli.engine.propagation_rules.lrp_linear_layer import TINY, LinearLayer, stabilize
from inputgrad_cli.engine.propagation_rules.operation_categories import (
    CONVOLUTIONS,
    ELEMENTWISE,
    EXTREMES,
    HOMOGENEOUS,
    POOLED,
    WEIGHTED,
)
from inputgrad_cli.engine.propagation_rules.traced_operations import (
    Trace,
    compute_adjoint,
    is_linear,
)
from inputgrad_cli.interfaces.engine import BackwardRule

ZERO_TOLERANCE = 1e-12  # below it, the quotient y / z is replaced by the derivative


class Lrp:
    """Propagates relevance by one rule of LRP, or by the composite of several.

    Sums, means, residual additions and normalizations use their derivatives, which is LRP-0. The
    winner of a maximum gets all relevance. A function of one value passes its relevance on. Values
    are multipliers, except at tensors that are one to one with the inputs, which get relevance.
    """

    def __init__(self, trace: Trace, rule: BackwardRule) -> None:
        self.trace, self.rule, self.rules = trace, rule, 0
        self.input_region = InputRegion(trace, rule)

    def propagate(self, op: Any, upstream: Sequence[Any]) -> Contributions:
        """Return the multipliers or relevance for the operation's inputs."""
        if op in self.input_region.operations:
            return self.input_region.propagate(op, upstream)
        relevant = self.trace.list_relevant_inputs(op)
        if self._is_weighted(op, relevant):
            self.rules += 1
            return self._propagate_layer(LinearLayer(self.trace, op, relevant[0]), upstream[0])
        if op.type in FUNCTION_CALLS:
            raise NoRuleError  # the weights of a compiled grouped convolution are not accessible
        if is_linear(op, relevant):
            return self._to_relevance(zip(op.inputs, compute_adjoint(op, upstream), strict=True))
        self.rules += 1
        into = [op.inputs[i] for i in relevant]
        if op.type in HOMOGENEOUS | POOLED or (op.type in EXTREMES and len(relevant) > 1):
            return self._to_relevance(zip(op.inputs, compute_adjoint(op, upstream), strict=True))
        z = self.trace.find_origin([*into, op.outputs[0]]) if op.type in ELEMENTWISE else None
        if z is None:
            raise NoRuleError
        return self._to_relevance([(z, self._pass_on(op.outputs[0], z, upstream[0]))])

    def _pass_on(self, y: Any, z: Any, upstream: Any) -> Any:
        """Return upstream y / z, the multiplier of a function that passes its relevance on to z."""
        near = tf.abs(z) < ZERO_TOLERANCE
        quotient = y / tf.where(near, tf.ones_like(z), z)
        return tf.where(near, self.trace.compute_derivative(y, z, upstream), upstream * quotient)

    def _is_weighted(self, op: Any, relevant: list[int]) -> bool:
        floats = [i for i, tensor in enumerate(op.inputs) if has_derivative(tensor)]
        return op.type in WEIGHTED and len(floats) == 2 and len(relevant) == 1

    def _to_relevance(self, contributions: Contributions) -> Contributions:
        """Convert multipliers to relevance at tensors that are one to one with an input."""
        return [
            (t, t * m if m is not None and id(t) in self.input_region.tensors else m)
            for t, m in contributions
        ]

    def _propagate_layer(self, layer: LinearLayer, upstream: Any) -> Contributions:
        name = self.rule.name.removeprefix("lrp-")
        is_convolution = layer.op.type in CONVOLUTIONS
        if id(layer.x) in self.input_region.tensors:
            if name == "deep-taylor":
                # The rule for bounded inputs needs their range; the other takes any numbers.
                bounded = self.rule.low is not None
                return [
                    (layer.x, self.input_region.share(layer, upstream, "box" if bounded else "w2"))
                ]
            if name == "composite" and is_convolution:
                return [(layer.x, self.input_region.share(layer, upstream, "flat"))]
        if name == "composite":
            name = "z-plus" if is_convolution else "epsilon"
        return self._to_relevance([(layer.x, self._compute_multipliers(layer, upstream, name))])

    def _compute_multipliers(self, layer: LinearLayer, upstream: Any, name: str) -> Any:
        z = layer.z
        if name == "epsilon":
            factor = z / stabilize(z, max(self.rule.epsilon, TINY))
            return compute_adjoint(layer.op, [upstream * factor])[layer.input_index]
        up, down = layer.signed_sums
        bias = layer.affine[1]
        if name == "gamma":
            gamma, above = self.rule.gamma, z > 0
            signed_part = tf.where(above, up + tf.nn.relu(bias), down - tf.nn.relu(-bias))
            factor = z / stabilize(z + gamma * signed_part)
            raised = factor * (1 + gamma)
            positive, negative = tf.where(above, raised, factor), tf.where(above, factor, raised)
            return layer.share(upstream, positive, negative)
        # z-plus leaves the bias out; here a positive one takes its share of the relevance.
        if name == "alpha1-beta0":
            up += tf.nn.relu(bias)
        return layer.share(upstream, z / stabilize(up), None)
