"""Implements LRP for one linear layer, by the sign of each input's contribution.

In the notation of the papers: R_i = sum_j (p_j (x_i w_ij)+ + n_j (x_i w_ij)-) R_j / z_j.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.propagation_rules.operation_categories import QUOTIENTS, SCALES, SHIFTS
from inputgrad_cli.engine.propagation_rules.traced_operations import (
    Trace,
    compute_adjoint,
    replace_inputs,
)

TINY = 1e-9  # keeps 0 / 0 from being NaN
MAX_DEPTH = 16  # operations to follow back in search of a ReLU
# They only move values. TensorFlow computes dilated convolutions between the last two.
KEEPS = {
    *("Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose"),
    *("BatchToSpaceND", "SpaceToBatchND"),
}
# Their outputs are never negative, and PASSING gives none where its inputs have none.
RECTIFIED = {"Relu", "Relu6", "Sigmoid", "Softplus", "Exp", "Softmax", "Square", "Abs"}
PASSING = {"MaxPool", "MaxPool3D", "AvgPool", "AvgPool3D", "Mean", "Max", "Sum", "ConcatV2", "Pad"}


def stabilize(value: Any, epsilon: float = TINY) -> Any:
    """Return the value moved away from zero by `epsilon`, for use as a denominator."""
    return tf.where(value >= 0, value + epsilon, value - epsilon)


@dataclass(frozen=True)
class LinearLayer:
    """A convolution or matrix product `u = x W`, with its bias and batch normalization if any.

    Operations up to the next branch or nonlinearity are included if they scale or shift `u`, so
    that the layer computes `z = scale u + bias`.
    """

    trace: Trace
    op: Any
    input_index: int

    @property
    def x(self) -> Any:
        """Return the layer's input."""
        return self.op.inputs[self.input_index]

    @property
    def kernel_index(self) -> int:
        """Return the position of the input that holds the weights."""
        others = range(len(self.op.inputs))
        return next(
            i for i in others if i != self.input_index and self.op.inputs[i].dtype.is_floating
        )

    @cached_property
    def signed_weights(self) -> tuple[Any, Any]:
        """Return the positive and the negative weights, with zeros for the others."""
        kernel = self.op.inputs[self.kernel_index]
        return tf.nn.relu(kernel), -tf.nn.relu(-kernel)

    @cached_property
    def affine(self) -> tuple[Any, Any]:
        """Return scale and bias in the shape of `u`; a scale of None stands for 1."""
        tail = self._find_tail()
        scale, bias = None, tf.zeros_like((tail or [self.op])[-1].outputs[0])
        for op in reversed(tail):
            i = self.trace.list_relevant_inputs(op)[0]
            if op.type in KEEPS:
                bias = compute_adjoint(op, [bias])[0]
                scale = None if scale is None else compute_adjoint(op, [scale])[0]
                continue
            build_neutral = tf.zeros_like if op.type in SHIFTS else tf.ones_like
            constant = replace_inputs(op, {i: build_neutral(op.inputs[i])}).outputs[0]
            before = tf.ones_like(constant) if scale is None else scale
            if op.type in SHIFTS:
                bias += before * constant
                scale = -before if op.type == "Sub" and i == 1 else scale
            else:
                scale = before * constant
        return scale, bias

    def _find_tail(self) -> list[Any]:
        operations: list[Any] = []
        last = self.op
        while len(users := self.trace.list_consumers(last.outputs[0])) == 1:
            last = users[0]
            relevant = self.trace.list_relevant_inputs(last)
            known = last.type in KEEPS or is_shift_or_scale(last, relevant)
            if (
                not known
                or len(relevant) != 1
                or relevant != self.trace.list_dependent_inputs(last)
            ):
                break
            operations.append(last)
        return operations

    @cached_property
    def z(self) -> Any:
        """Return the layer's output in the shape of `u`."""
        scale, bias = self.affine
        u = self.op.outputs[0]
        return (u if scale is None else scale * u) + bias

    def multiply(self, x: Any, kernel: Any) -> Any:
        """Return the layer's product with other inputs and other weights."""
        return replace_inputs(self.op, {self.input_index: x, self.kernel_index: kernel}).outputs[0]

    def backpropagate(self, kernel: Any, upstream: Any) -> Any:
        """Return the gradient at the input from the gradient at `u`, with other weights."""
        return compute_adjoint(replace_inputs(self.op, {self.kernel_index: kernel}), [upstream])[
            self.input_index
        ]

    @cached_property
    def is_rectified(self) -> bool:
        """Return whether the inputs are known to be non-negative."""
        return _is_rectified(self.trace, self.x, MAX_DEPTH)

    @cached_property
    def signed_sums(self) -> tuple[Any, Any]:
        """Return the sum of the positive contributions to z, and of the negative ones."""
        above, below = self.signed_weights
        up = self.multiply(tf.nn.relu(self.x), above)
        if not self.is_rectified:  # otherwise the second product would be zero
            up += self.multiply(-tf.nn.relu(-self.x), below)
        down = self.op.outputs[0] - up
        scale = self.affine[0]
        if scale is None:
            return up, down
        # A negative scale turns positive contributions into negative ones.
        return scale * tf.where(scale >= 0, up, down), scale * tf.where(scale >= 0, down, up)

    def share(self, upstream: Any, positive: Any, negative: Any) -> Any:
        """Return multipliers of x, with `positive` as p_j and `negative` as n_j (None is zero)."""
        above, below = self.signed_weights
        scale = self.affine[0]
        if scale is not None:
            negative = tf.zeros_like(positive) if negative is None else negative
            flipped = scale < 0
            swap = (tf.where(flipped, negative, positive), tf.where(flipped, positive, negative))
            positive, negative = swap
        rose = self.backpropagate(above, upstream * positive)
        if negative is not None:
            rose += self.backpropagate(below, upstream * negative)
        if self.is_rectified:
            return rose
        fell = self.backpropagate(below, upstream * positive)
        if negative is not None:
            fell += self.backpropagate(above, upstream * negative)
        return tf.where(self.x >= 0, rose, fell)


def is_shift_or_scale(op: Any, relevant: list[int]) -> bool:
    """Return whether the operation adds or multiplies element by element and keeps the shape."""
    if op.type in QUOTIENTS and relevant != [0]:
        return False
    known = op.type in SHIFTS or op.type in SCALES
    return known and all(
        op.inputs[i].shape.as_list() == op.outputs[0].shape.as_list() for i in relevant
    )


def _is_rectified(trace: Trace, tensor: Any, depth: int) -> bool:
    op = tensor.op
    if op.type in RECTIFIED:
        return True
    into = [op.inputs[i] for i in trace.list_relevant_inputs(op)]
    through = op.type in PASSING | KEEPS or (op.type in ("AddV2", "Add") and len(into) == 2)
    return bool(into and through and depth) and all(
        _is_rectified(trace, source, depth - 1) for source in into
    )
