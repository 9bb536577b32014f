"""DeepLIFT's rescale rule: multipliers are quotients of differences from the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.rules.backward_pass import NoRuleError, Sent
from inputgrad_cli.engine.rules.operations import (
    CALLS,
    ELEMENTWISE,
    EXTREMES,
    POOLED,
    QUADRATIC,
    QUOTIENTS,
    WEIGHTED,
)
from inputgrad_cli.engine.rules.trace import Trace, adjoint, carries, is_linear, like

NEAR = 1e-5  # differences smaller than this part of the values are mostly rounding


class DeepLift:
    """Differences from the pass over the baseline, made of the same operations.

    A function of one value gets the rescale rule. The greatest of several is what the winner of
    its own side makes of the difference; a product shares it at the middle of both passes, so that
    multipliers times differences sum to the difference of the scores, operation by operation.
    """

    def __init__(self, trace: Trace, baseline: Mapping[str, Any]) -> None:
        self.trace, self.rules = trace, 0
        self.other: dict[int, Any] = {
            id(tensor): baseline[name] for name, tensor in trace.sites.items()
        }
        self.copies: dict[Any, Any] = {}
        for op in trace.operations:
            if trace.moves(op):
                copy = self.copies[op] = like(op, [self._other(t) for t in op.inputs])
                for out, made in zip(op.outputs, copy.outputs, strict=True):
                    self.other.setdefault(id(out), made)

    def _other(self, tensor: Any) -> Any:
        return self.other.get(id(tensor), tensor)

    def back(self, op: Any, upstream: Sequence[Any]) -> Sent:
        """Return what goes to which earlier tensor."""
        lives, moves = self.trace.lives(op), self.trace.moves(op)
        if is_linear(op, lives) and (lives == moves or op.type not in ELEMENTWISE):
            self.rules += op.type in WEIGHTED | CALLS
            return zip(op.inputs, adjoint(op, upstream), strict=True)
        self.rules += 1
        if op.type in POOLED or (op.type in EXTREMES and len(lives) > 1):
            return self._extreme(op, upstream[0])
        into = [op.inputs[place] for place in lives]
        z = self.trace.origin([*into, op.outputs[0]]) if op.type in ELEMENTWISE else None
        if z is not None:
            return [(z, self._rescaled(op.outputs[0], z, upstream[0]))]
        return self._shared(op, upstream[0])

    def _rescaled(self, y: Any, z: Any, upstream: Any) -> Any:
        """Return upstream times the quotient of differences, the derivative where they are none."""
        step, near = self._step(z)
        quotient = (y - self._other(y)) / tf.where(near, tf.ones_like(step), step)
        return tf.where(near, self.trace.derivative(y, z, upstream), upstream * quotient)

    def _step(self, z: Any) -> tuple[Any, Any]:
        """Return the difference from the baseline, and where it is too small for a quotient."""
        step = z - self._other(z)
        return step, tf.abs(step) <= NEAR * (tf.abs(z) + tf.abs(self._other(z)))

    def _extreme(self, op: Any, upstream: Any) -> Sent:
        """Return what is due to the winner of this pass, where it rose, else to the other's.

        Either winner has moved at least as far as the output, so no quotient is above one.
        """
        change = op.outputs[0] - self.copies[op].outputs[0]
        rise, fall = upstream * tf.nn.relu(change), -upstream * tf.nn.relu(-change)
        here, there = (op, self.copies[op])
        if op.type.startswith("Min"):
            here, there = there, here
        for place in self.trace.lives(op):
            share = adjoint(here, [rise])[place] + adjoint(there, [fall])[place]
            step = op.inputs[place] - self._other(op.inputs[place])
            yield op.inputs[place], tf.math.divide_no_nan(share, step)

    def _shared(self, op: Any, upstream: Any) -> Sent:
        """Return the shares of what is no function of one value.

        What is quadratic changes by its derivative in the middle; a / b is a times 1 / b.
        """
        if op.type == "Softmax":
            return [(op.inputs[0], self._softmax(op, upstream))]
        if op.type not in QUADRATIC | QUOTIENTS:
            raise NoRuleError
        middle = [(t + self._other(t)) / 2 if carries(t) else t for t in op.inputs]
        if op.type in QUADRATIC:
            return zip(op.inputs, adjoint(like(op, middle), [upstream]), strict=True)
        b, b0 = op.inputs[1], self._other(op.inputs[1])
        shares = adjoint(tf.multiply(middle[0], (1 / b + 1 / b0) / 2).op, [upstream])
        return [(op.inputs[0], shares[0]), (b, -shares[1] / (b * b0))]

    def _softmax(self, op: Any, upstream: Any) -> Any:
        """Return the shares of exp(x) / sum exp(x): a rescaled exp, and a product with 1 / sum."""
        x, x0 = op.inputs[0], self._other(op.inputs[0])
        top = tf.reduce_max(tf.maximum(x, x0), axis=-1, keepdims=True)
        e, e0 = tf.exp(x - top), tf.exp(x0 - top)
        total, total0 = (tf.reduce_sum(one, axis=-1, keepdims=True) for one in (e, e0))
        inverse = (1 / total + 1 / total0) / 2
        spread = tf.reduce_sum(upstream * (e + e0) / 2, axis=-1, keepdims=True)
        shares = upstream * inverse - spread / (total * total0)
        step, near = self._step(x)
        slope = tf.where(near, e, (e - e0) / tf.where(near, tf.ones_like(x), step))
        return shares * slope
