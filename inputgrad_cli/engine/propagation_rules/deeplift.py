"""Implements DeepLIFT's rescale rule, with quotients of differences from the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.adapter.graph_traversal_properties import FUNCTION_CALLS, has_derivative
from inputgrad_cli.engine.propagation_rules.backward_pass import Contributions, NoRuleError
from inputgrad_cli.engine.propagation_rules.operation_categories import (
    ELEMENTWISE,
    EXTREMES,
    POOLED,
    QUADRATIC,
    QUOTIENTS,
    WEIGHTED,
)
from inputgrad_cli.engine.propagation_rules.traced_operations import (
    Trace,
    compute_adjoint,
    copy_operation,
    is_linear,
)

NEAR = 1e-5  # differences below this fraction of the values are mostly rounding errors


class DeepLift:
    """Propagates multipliers, using copies of the operations that run on the baseline.

    A function of one value gets the rescale rule. For a maximum, the winner of each pass gets its
    part of the difference. A product is differentiated in the middle of both passes. Multipliers
    times differences thus sum to the difference of the scores at every operation.
    """

    def __init__(self, trace: Trace, baseline: Mapping[str, Any]) -> None:
        self.trace, self.rules = trace, 0
        self.references: dict[int, Any] = {
            id(tensor): baseline[name] for name, tensor in trace.sites.items()
        }
        self.copies: dict[Any, Any] = {}
        for op in trace.operations:
            if trace.list_dependent_inputs(op):
                copy = self.copies[op] = copy_operation(
                    op, [self._get_reference(t) for t in op.inputs]
                )
                for out, copied in zip(op.outputs, copy.outputs, strict=True):
                    self.references.setdefault(id(out), copied)

    def _get_reference(self, tensor: Any) -> Any:
        return self.references.get(id(tensor), tensor)

    def propagate(self, op: Any, upstream: Sequence[Any]) -> Contributions:
        """Return the multipliers for the operation's inputs."""
        relevant, dependent = (
            self.trace.list_relevant_inputs(op),
            self.trace.list_dependent_inputs(op),
        )
        if is_linear(op, relevant) and (relevant == dependent or op.type not in ELEMENTWISE):
            self.rules += op.type in WEIGHTED | FUNCTION_CALLS
            return zip(op.inputs, compute_adjoint(op, upstream), strict=True)
        self.rules += 1
        if op.type in POOLED or (op.type in EXTREMES and len(relevant) > 1):
            return self._share_extreme(op, upstream[0])
        into = [op.inputs[i] for i in relevant]
        z = self.trace.find_origin([*into, op.outputs[0]]) if op.type in ELEMENTWISE else None
        if z is not None:
            return [(z, self._rescale(op.outputs[0], z, upstream[0]))]
        return self._share_among_inputs(op, upstream[0])

    def _rescale(self, y: Any, z: Any, upstream: Any) -> Any:
        """Return upstream times the quotient of differences, or the derivative if those are 0."""
        step, near = self._compute_difference(z)
        quotient = (y - self._get_reference(y)) / tf.where(near, tf.ones_like(step), step)
        return tf.where(near, self.trace.compute_derivative(y, z, upstream), upstream * quotient)

    def _compute_difference(self, z: Any) -> tuple[Any, Any]:
        """Return the difference from the baseline, and where it is too small for a quotient."""
        step = z - self._get_reference(z)
        return step, tf.abs(step) <= NEAR * (tf.abs(z) + tf.abs(self._get_reference(z)))

    def _share_extreme(self, op: Any, upstream: Any) -> Contributions:
        """Yield the share of this pass's winner where the output rose, else of the baseline's.

        Both winners differ at least as much as the output, so no quotient is above one.
        """
        change = op.outputs[0] - self.copies[op].outputs[0]
        rise, fall = upstream * tf.nn.relu(change), -upstream * tf.nn.relu(-change)
        winner, other = (op, self.copies[op])
        # A minimum rises at most as far as the value that was the smallest on the baseline.
        if op.type.startswith("Min"):
            winner, other = other, winner
        for i in self.trace.list_relevant_inputs(op):
            share = compute_adjoint(winner, [rise])[i] + compute_adjoint(other, [fall])[i]
            step = op.inputs[i] - self._get_reference(op.inputs[i])
            yield op.inputs[i], tf.math.divide_no_nan(share, step)

    def _share_among_inputs(self, op: Any, upstream: Any) -> Contributions:
        """Return the shares of an operation that is not a function of one value.

        A quadratic function changes by its derivative in the middle; a / b is a times 1 / b.
        """
        if op.type == "Softmax":
            return [(op.inputs[0], self._share_softmax(op, upstream))]
        if op.type not in QUADRATIC | QUOTIENTS:
            raise NoRuleError
        middle = [(t + self._get_reference(t)) / 2 if has_derivative(t) else t for t in op.inputs]
        if op.type in QUADRATIC:
            return zip(
                op.inputs, compute_adjoint(copy_operation(op, middle), [upstream]), strict=True
            )
        b, b0 = op.inputs[1], self._get_reference(op.inputs[1])
        shares = compute_adjoint(tf.multiply(middle[0], (1 / b + 1 / b0) / 2).op, [upstream])
        return [(op.inputs[0], shares[0]), (b, -shares[1] / (b * b0))]

    def _share_softmax(self, op: Any, upstream: Any) -> Any:
        """Return the shares of exp(x) / sum exp(x), a rescaled exp and a product with 1 / sum."""
        x, x0 = op.inputs[0], self._get_reference(op.inputs[0])
        # The largest value of both passes is subtracted so that exp cannot overflow.
        top = tf.reduce_max(tf.maximum(x, x0), axis=-1, keepdims=True)
        e, e0 = tf.exp(x - top), tf.exp(x0 - top)
        total, total0 = (tf.reduce_sum(terms, axis=-1, keepdims=True) for terms in (e, e0))
        inverse = (1 / total + 1 / total0) / 2
        spread = tf.reduce_sum(upstream * (e + e0) / 2, axis=-1, keepdims=True)
        shares = upstream * inverse - spread / (total * total0)
        step, near = self._compute_difference(x)
        slope = tf.where(near, e, (e - e0) / tf.where(near, tf.ones_like(x), step))
        return shares * slope
