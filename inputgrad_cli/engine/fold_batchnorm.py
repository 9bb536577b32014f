"""Batch normalizations behind layers of weights, put into those weights.

At inference both are linear, one behind the other: conv(x, W) s + t = conv(x, W s) + t. The graph
then has one step instead of three on the way there, and one instead of two on the way back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from inputgrad_cli.engine.adapter.hooks import Change, hooked
from inputgrad_cli.engine.adapter.model_fixes import has_own_code
from inputgrad_cli.numeric.arrays import Array

# The weights that the last step of a layer multiplies by, and what may be merged at all.
KERNELS = {
    keras.layers.Dense: "kernel",
    keras.layers.Conv1D: "kernel",
    keras.layers.Conv2D: "kernel",
    keras.layers.Conv3D: "kernel",
    keras.layers.DepthwiseConv1D: "kernel",
    keras.layers.DepthwiseConv2D: "kernel",
    keras.layers.SeparableConv1D: "pointwise_kernel",
    keras.layers.SeparableConv2D: "pointwise_kernel",
}


@dataclass(frozen=True)
class Merged:
    """One batch normalization that is merged: `values` are of the variables of the layer before."""

    norm: Any
    values: Sequence[tuple[Any, Array]]
    shift: Array | None


def merged(model: Any) -> list[Merged]:
    """Return what can be merged; nothing in a model with code of the user's own."""
    if has_own_code(model):
        return []
    layers = list(model._flatten_layers())
    shown = {id(tensor) for layer in (model, *layers) for tensor in _outputs(layer)}
    norms = [layer for layer in layers if type(layer) is keras.layers.BatchNormalization]
    found = [_merge(norm, before) for norm in norms if (before := _before(norm, shown))]
    return [one for one in found if one]


@contextmanager
def without(norms: Sequence[Merged]) -> Iterator[None]:
    """Let the merged normalizations add their shift alone, or pass on what they are fed."""
    with ExitStack() as stack:
        for one in norms:
            stack.enter_context(hooked(one.norm, _shifting(one.shift)))
        yield


def _shifting(shift: Array | None) -> Change:
    return lambda number, fed, out: fed if shift is None else fed + shift


def _outputs(layer: Any) -> Sequence[Any]:
    return getattr(getattr(layer, "_functional", None) or layer, "outputs", None) or ()


def _before(norm: Any, shown: set[int]) -> Any | None:
    """Return the layer of weights that feeds the normalization, and feeds nothing else."""
    if len(norm._inbound_nodes) != 1:
        return None
    (node,) = norm._inbound_nodes
    if any(value is not None for value in node.arguments.kwargs.values()):  # `training` perhaps
        return None
    fed = node.input_tensors[0]
    layer = fed._keras_history.operation
    alone = len(layer._inbound_nodes) == len(layer._outbound_nodes) == 1 and id(fed) not in shown
    return layer if alone and _is_linear(layer) and _fits(layer, norm, len(fed.shape)) else None


def _is_linear(layer: Any) -> bool:
    if type(layer) not in KERNELS:  # perhaps an operation, which is no layer
        return False
    plain = not getattr(layer, "lora_enabled", False) and not layer.quantization_mode
    return plain and layer.activation is keras.activations.linear


def _fits(layer: Any, norm: Any, rank: int) -> bool:
    """Return whether both compute in one type, and both have their channels last."""
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    types = {v.dtype for v in (*layer.weights, *norm.weights)}
    types |= {layer.compute_dtype, norm.compute_dtype}
    return last and norm.axis in (-1, rank - 1) and types in ({"float32"}, {"float64"})


def _merge(norm: Any, layer: Any) -> Merged | None:
    """Return the weights times the scale; None where their product leaves the range of floats."""
    mean, variance = (_wide(v) for v in (norm.moving_mean, norm.moving_variance))
    with np.errstate(all="ignore"):
        scale = (_wide(norm.gamma) if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
        shift = (_wide(norm.beta) if norm.center else 0.0) - mean * scale
        kernel = getattr(layer, KERNELS[type(layer)])
        weights = _wide(kernel)
        shape = weights.shape[-2:] if _is_depthwise(layer) else weights.shape[-1:]
        factors = np.broadcast_to(scale.reshape(shape), weights.shape)
        values = [(kernel, weights * factors)]
        if layer.use_bias:
            values.append((layer.bias, _wide(layer.bias) * scale + shift))
        cast = [(variable, value.astype(kernel.dtype)) for variable, value in values]
        shift = shift.astype(kernel.dtype)
    small = np.abs(cast[0][1]) < np.finfo(kernel.dtype).tiny
    lost = bool((small & (weights != 0) & (factors != 0)).any())
    if lost or not all(np.isfinite(value).all() for value in (shift, *(v for _, v in cast))):
        return None
    return Merged(norm, cast, None if layer.use_bias or not shift.any() else shift)


def _wide(variable: Any) -> Array:
    return np.asarray(variable.numpy(), np.float64)


def _is_depthwise(layer: Any) -> bool:
    return isinstance(layer, (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D))
