"""Folds batch normalizations into the weights of the layers before them.

At inference both are linear: conv(x, W) s + t = conv(x, W s) + t. The graph then has one step
instead of three in the forward pass, and one instead of two in the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from inputgrad_cli.engine.adapter.hooks import OutputHook, hook_layer
from inputgrad_cli.engine.adapter.model_fixes import has_user_code
from inputgrad_cli.numeric.array_helpers import Array

# The weights that the last step of a layer multiplies by. Other layers are never merged.
KERNEL_NAMES = {
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
class MergedNormalization:
    """A merged batch normalization; `values` are new values of the previous layer's variables."""

    norm: Any
    values: Sequence[tuple[Any, Array]]
    shift: Array | None


def find_mergeable(model: Any) -> list[MergedNormalization]:
    """Return the normalizations that can be merged; none in a model with the user's own code."""
    if has_user_code(model):
        return []
    layers = list(model._flatten_layers())
    visible = {id(tensor) for layer in (model, *layers) for tensor in _get_outputs(layer)}
    norms = [layer for layer in layers if type(layer) is keras.layers.BatchNormalization]
    merged = [
        _merge(norm, before) for norm in norms if (before := _find_layer_before(norm, visible))
    ]
    return [item for item in merged if item]


@contextmanager
def skip_merged(norms: Sequence[MergedNormalization]) -> Iterator[None]:
    """Make the merged normalizations add only their shift, or return their input unchanged."""
    with ExitStack() as stack:
        for merged in norms:
            stack.enter_context(hook_layer(merged.norm, _build_shift(merged.shift)))
        yield


def _build_shift(shift: Array | None) -> OutputHook:
    return lambda call_index, inputs, output: inputs if shift is None else inputs + shift


def _get_outputs(layer: Any) -> Sequence[Any]:
    return getattr(getattr(layer, "_functional", None) or layer, "outputs", None) or ()


def _find_layer_before(norm: Any, visible: set[int]) -> Any | None:
    """Return the linear layer that feeds the normalization and nothing else, or None."""
    if len(norm._inbound_nodes) != 1:
        return None
    (node,) = norm._inbound_nodes
    if any(value is not None for value in node.arguments.kwargs.values()):  # such as `training`
        return None
    fed = node.input_tensors[0]
    layer = fed._keras_history.operation
    alone = len(layer._inbound_nodes) == len(layer._outbound_nodes) == 1 and id(fed) not in visible
    return (
        layer if alone and _is_linear(layer) and _can_merge(layer, norm, len(fed.shape)) else None
    )


def _is_linear(layer: Any) -> bool:
    if type(layer) not in KERNEL_NAMES:  # it may be an operation instead of a layer
        return False
    # LoRA adds a product to the kernel when it is used, and quantization replaces it.
    unmodified = not getattr(layer, "lora_enabled", False) and not layer.quantization_mode
    return unmodified and layer.activation is keras.activations.linear


def _can_merge(layer: Any, norm: Any, rank: int) -> bool:
    """Return whether both compute in one dtype and both have their channels last."""
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    types = {v.dtype for v in (*layer.weights, *norm.weights)}
    types |= {layer.compute_dtype, norm.compute_dtype}
    return last and norm.axis in (-1, rank - 1) and types in ({"float32"}, {"float64"})


def _merge(norm: Any, layer: Any) -> MergedNormalization | None:
    """Return the weights times the scale; None if a product overflows or underflows."""
    mean, variance = (_to_float64(v) for v in (norm.moving_mean, norm.moving_variance))
    with np.errstate(all="ignore"):
        scale = (_to_float64(norm.gamma) if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
        shift = (_to_float64(norm.beta) if norm.center else 0.0) - mean * scale
        kernel = getattr(layer, KERNEL_NAMES[type(layer)])
        weights = _to_float64(kernel)
        shape = weights.shape[-2:] if _is_depthwise(layer) else weights.shape[-1:]
        factors = np.broadcast_to(scale.reshape(shape), weights.shape)
        values = [(kernel, weights * factors)]
        if layer.use_bias:
            values.append((layer.bias, _to_float64(layer.bias) * scale + shift))
        cast = [(variable, value.astype(kernel.dtype)) for variable, value in values]
        shift = shift.astype(kernel.dtype)
    small = np.abs(cast[0][1]) < np.finfo(kernel.dtype).tiny
    lost = bool((small & (weights != 0) & (factors != 0)).any())
    if lost or not all(np.isfinite(value).all() for value in (shift, *(v for _, v in cast))):
        return None
    return MergedNormalization(norm, cast, None if layer.use_bias or not shift.any() else shift)


def _to_float64(variable: Any) -> Array:
    return np.asarray(variable.numpy(), np.float64)


def _is_depthwise(layer: Any) -> bool:
    return isinstance(layer, (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D))
