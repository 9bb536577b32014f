"""Implements guided backpropagation and the deconvnet, which change the gradient of ReLUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.adapter.graph_traversal_properties import FUNCTION_CALLS
from inputgrad_cli.engine.propagation_rules.backward_pass import Contributions, NoRuleError
from inputgrad_cli.engine.propagation_rules.operation_categories import (
    LOOPS,
    PRELU_STEPS,
    RELUS,
    SHIFTS,
)
from inputgrad_cli.engine.propagation_rules.traced_operations import (
    Trace,
    compute_adjoint,
    is_weighted_call,
)

ABOVE = {"Greater", "GreaterEqual"}


class Guided:
    """Passes only positive values back through a ReLU; if `gated`, only where its input is above 0.

    Other operations use their derivative.
    """

    def __init__(self, trace: Trace, gated: bool) -> None:
        self.trace, self.gated, self.rules = trace, gated, 0

    def propagate(self, op: Any, upstream: Sequence[Any]) -> Contributions:
        """Return the values for the operation's inputs."""
        z = self._find_relu_input(op)
        if z is None:
            if op.type in LOOPS or (op.type in FUNCTION_CALLS and not is_weighted_call(op)):
                raise NoRuleError  # it may contain a ReLU
            return zip(op.inputs, compute_adjoint(op, upstream, by_value=False), strict=True)
        self.rules += 1
        positive = tf.nn.relu(upstream[0])
        if self.gated:
            slope = self.trace.compute_derivative(op.outputs[0], z, positive)
            positive = tf.where(z > 0, slope, tf.zeros_like(slope))
        return [(z, positive)]

    def _find_relu_input(self, op: Any) -> Any | None:
        """Return the input of a ReLU or a similar function, None for other operations."""
        relevant = self.trace.list_relevant_inputs(op)
        into = [op.inputs[i] for i in relevant]
        if op.type == "Relu6" and self._is_hard_sigmoid(op):
            return None
        if op.type in RELUS or (op.type == "Maximum" and len(relevant) == 1):
            return into[0]
        # A ReLU that is written as a choice, where(z > 0, f(z), g(z)).
        if op.type in ("Select", "SelectV2"):
            return self._find_gated_input(op.inputs[0], into)
        # A ReLU with a threshold, which is z times the cast of z > threshold.
        if op.type == "Mul" and len(relevant) == 1:
            gate = op.inputs[1 - relevant[0]]
            return (
                self._find_gated_input(gate.op.inputs[0], into) if gate.op.type == "Cast" else None
            )
        # Keras computes a PReLU as relu(z) - alpha relu(-z).
        if (
            op.type in ("AddV2", "Add", "Sub")
            and len(into) == 2
            and all(map(self._is_prelu_half, into))
        ):
            return self.trace.find_origin(into)
        return None

    def _is_hard_sigmoid(self, op: Any) -> bool:
        """Return whether this is the ReLU6 of relu6(z + 3) / 6, which is a gate."""
        neighbors = [op.inputs[0].op, *self.trace.list_consumers(op.outputs[0])]
        scalar_steps = [
            any(t.shape.num_elements() == 1 for t in neighbor.inputs)
            and len(self.trace.list_relevant_inputs(neighbor)) == 1
            for neighbor in neighbors
        ]
        return neighbors[0].type in SHIFTS and len(neighbors) == 2 and all(scalar_steps)

    def _find_gated_input(self, condition: Any, into: list[Any]) -> Any | None:
        """Return z if `condition` is z > something and all `into` are functions of z, else None."""
        relevant = [t for t in condition.op.inputs if id(t) in self.trace.relevant]
        if condition.op.type not in ABOVE or len(relevant) != 1:
            return None
        z = relevant[0]
        return z if self.trace.find_origin([z, *into]) is z else None

    def _is_prelu_half(self, tensor: Any) -> bool:
        """Return whether the tensor is a ReLU's output times a number, which is half of a PReLU."""
        while (
            tensor.op.type in PRELU_STEPS and len(self.trace.list_relevant_inputs(tensor.op)) == 1
        ):
            tensor = tensor.op.inputs[self.trace.list_relevant_inputs(tensor.op)[0]]
        return tensor.op.type in RELUS
