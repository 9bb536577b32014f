"""Guided backpropagation and the deconvnet: ReLUs that go back by another rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.rules.backward_pass import NoRuleError, Sent
from inputgrad_cli.engine.rules.operations import CALLS, HALVES, LOOPS, RELUS, SHIFTS
from inputgrad_cli.engine.rules.trace import Trace, adjoint, is_weighted_call

ABOVE = {"Greater", "GreaterEqual"}


class Guided:
    """Only what is positive goes back through a ReLU; `gated`: and only where its input is.

    All else goes back by its derivative.
    """

    def __init__(self, trace: Trace, gated: bool) -> None:
        self.trace, self.gated, self.rules = trace, gated, 0

    def back(self, op: Any, upstream: Sequence[Any]) -> Sent:
        """Return what goes to which earlier tensor."""
        z = self._rectified(op)
        if z is None:
            if op.type in LOOPS or (op.type in CALLS and not is_weighted_call(op)):
                raise NoRuleError  # a ReLU may hide there
            return zip(op.inputs, adjoint(op, upstream, by_value=False), strict=True)
        self.rules += 1
        positive = tf.nn.relu(upstream[0])
        if self.gated:
            slope = self.trace.derivative(op.outputs[0], z, positive)
            positive = tf.where(z > 0, slope, tf.zeros_like(slope))
        return [(z, positive)]

    def _rectified(self, op: Any) -> Any | None:
        """Return what a ReLU or its kin is a function of, None where the operation is no such."""
        lives = self.trace.lives(op)
        into = [op.inputs[place] for place in lives]
        if op.type == "Relu6" and self._is_hard_sigmoid(op):
            return None
        if op.type in RELUS or (op.type == "Maximum" and len(lives) == 1):
            return into[0]
        if op.type in ("Select", "SelectV2"):
            return self._gated_by(op.inputs[0], into)
        if op.type == "Mul" and len(lives) == 1:
            gate = op.inputs[1 - lives[0]]
            return self._gated_by(gate.op.inputs[0], into) if gate.op.type == "Cast" else None
        if op.type in ("AddV2", "Add", "Sub") and len(into) == 2 and all(map(self._half, into)):
            return self.trace.origin(into)
        return None

    def _is_hard_sigmoid(self, op: Any) -> bool:
        """Return whether this is the middle of relu6(z + 3) / 6, which is a gate."""
        around = [op.inputs[0].op, *self.trace.consumers(op.outputs[0])]
        alone = [
            any(t.shape.num_elements() == 1 for t in one.inputs) and len(self.trace.lives(one)) == 1
            for one in around
        ]
        return around[0].type in SHIFTS and len(around) == 2 and all(alone)

    def _gated_by(self, condition: Any, into: list[Any]) -> Any | None:
        """Return z where `condition` is z > something, and all that goes in is a function of z."""
        found = [t for t in condition.op.inputs if id(t) in self.trace.live]
        if condition.op.type not in ABOVE or len(found) != 1:
            return None
        z = found[0]
        return z if self.trace.origin([z, *into]) is z else None

    def _half(self, tensor: Any) -> bool:
        """Return whether the tensor is a ReLU's output, times a number: a half of a PReLU."""
        while tensor.op.type in HALVES and len(self.trace.lives(tensor.op)) == 1:
            tensor = tensor.op.inputs[self.trace.lives(tensor.op)[0]]
        return tensor.op.type in RELUS
