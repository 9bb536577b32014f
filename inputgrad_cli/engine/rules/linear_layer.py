"""LRP through one layer of weights: what each input contributed, by the sign of the contribution.

In the words of the papers: R_i = sum_j (p_j (x_i w_ij)+ + n_j (x_i w_ij)-) R_j / z_j.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.rules.operations import QUOTIENTS, SCALES, SHIFTS
from inputgrad_cli.engine.rules.trace import Trace, adjoint, swapped

TINY = 1e-9  # only keeps 0 / 0 from being NaN
KEEPS = {
    *("Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose"),
    *("BatchToSpaceND", "SpaceToBatchND"),
}
RECTIFIED = {"Relu", "Relu6", "Sigmoid", "Softplus", "Exp", "Softmax", "Square", "Abs"}
PASSING = {"MaxPool", "MaxPool3D", "AvgPool", "AvgPool3D", "Mean", "Max", "Sum", "ConcatV2", "Pad"}


def stabilised(value: Any, epsilon: float = TINY) -> Any:
    """Return the value moved away from zero, as an LRP denominator is."""
    return tf.where(value >= 0, value + epsilon, value - epsilon)


@dataclass(frozen=True)
class Weighted:
    """A convolution or matrix product `u = x W`, and what follows up to a branch or nonlinearity.

    Together they give `z = scale u + bias`: a layer with its bias, and with the batch
    normalization behind it, if there is one.
    """

    trace: Trace
    op: Any
    place: int

    @property
    def x(self) -> Any:
        """Return what comes in."""
        return self.op.inputs[self.place]

    @property
    def kernel_place(self) -> int:
        """Return which input holds the weights."""
        others = range(len(self.op.inputs))
        return next(i for i in others if i != self.place and self.op.inputs[i].dtype.is_floating)

    @cached_property
    def w(self) -> tuple[Any, Any]:
        """Return the weights above and below zero."""
        kernel = self.op.inputs[self.kernel_place]
        return tf.nn.relu(kernel), -tf.nn.relu(-kernel)

    @cached_property
    def affine(self) -> tuple[Any, Any]:
        """Return scale and bias, of the shape of `u`; a scale of None is one."""
        tail = self._tail()
        scale, bias = None, tf.zeros_like((tail or [self.op])[-1].outputs[0])
        for op in reversed(tail):
            place = self.trace.lives(op)[0]
            if op.type in KEEPS:
                bias = adjoint(op, [bias])[0]
                scale = None if scale is None else adjoint(op, [scale])[0]
                continue
            plain = tf.zeros_like if op.type in SHIFTS else tf.ones_like
            number = swapped(op, {place: plain(op.inputs[place])}).outputs[0]
            before = tf.ones_like(number) if scale is None else scale
            if op.type in SHIFTS:
                bias += before * number
                scale = -before if op.type == "Sub" and place == 1 else scale
            else:
                scale = before * number
        return scale, bias

    def _tail(self) -> list[Any]:
        found: list[Any] = []
        last = self.op
        while len(users := self.trace.consumers(last.outputs[0])) == 1:
            last = users[0]
            lives = self.trace.lives(last)
            known = last.type in KEEPS or is_shift_or_scale(last, lives)
            if not known or len(lives) != 1 or lives != self.trace.moves(last):
                break
            found.append(last)
        return found

    @cached_property
    def z(self) -> Any:
        """Return what the layer gives, at the places of `u`."""
        scale, bias = self.affine
        u = self.op.outputs[0]
        return (u if scale is None else scale * u) + bias

    def forth(self, x: Any, kernel: Any) -> Any:
        """Return the product of other inputs with other weights."""
        return swapped(self.op, {self.place: x, self.kernel_place: kernel}).outputs[0]

    def to(self, kernel: Any, upstream: Any) -> Any:
        """Return what goes from `u` to the inputs through other weights."""
        return adjoint(swapped(self.op, {self.kernel_place: kernel}), [upstream])[self.place]

    @cached_property
    def is_rectified(self) -> bool:
        """Return whether the inputs are known to be nowhere below zero."""
        return _is_rectified(self.trace, self.x, 16)

    @cached_property
    def parts(self) -> tuple[Any, Any]:
        """Return the sums of the contributions to z above zero, and of those below."""
        above, below = self.w
        up = self.forth(tf.nn.relu(self.x), above)
        if not self.is_rectified:
            up += self.forth(-tf.nn.relu(-self.x), below)
        down = self.op.outputs[0] - up
        scale = self.affine[0]
        if scale is None:
            return up, down
        return scale * tf.where(scale >= 0, up, down), scale * tf.where(scale >= 0, down, up)

    def share(self, upstream: Any, positive: Any, negative: Any) -> Any:
        """Return multipliers of x: contributions by sign, times p_j and n_j (None is zero)."""
        above, below = self.w
        scale = self.affine[0]
        if scale is not None:
            negative = tf.zeros_like(positive) if negative is None else negative
            turned = scale < 0
            swap = (tf.where(turned, negative, positive), tf.where(turned, positive, negative))
            positive, negative = swap
        rose = self.to(above, upstream * positive)
        if negative is not None:
            rose += self.to(below, upstream * negative)
        if self.is_rectified:
            return rose
        fell = self.to(below, upstream * positive)
        if negative is not None:
            fell += self.to(above, upstream * negative)
        return tf.where(self.x >= 0, rose, fell)


def is_shift_or_scale(op: Any, lives: list[int]) -> bool:
    """Return whether the operation adds or multiplies value by value, and keeps the shape."""
    if op.type in QUOTIENTS and lives != [0]:
        return False
    known = op.type in SHIFTS or op.type in SCALES
    return known and all(
        op.inputs[place].shape.as_list() == op.outputs[0].shape.as_list() for place in lives
    )


def _is_rectified(trace: Trace, tensor: Any, depth: int) -> bool:
    op = tensor.op
    if op.type in RECTIFIED:
        return True
    into = [op.inputs[place] for place in trace.lives(op)]
    through = op.type in PASSING | KEEPS or (op.type in ("AddV2", "Add") and len(into) == 2)
    return bool(into and through and depth) and all(
        _is_rectified(trace, one, depth - 1) for one in into
    )
