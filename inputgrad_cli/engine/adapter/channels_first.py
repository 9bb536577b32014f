"""Lets layers that have their channels first be computed with their channels last.

TensorFlow's own kernels for CPUs know no other layout. Those of oneDNN do, but Keras adds the bias
along a wrong axis there, unless TensorFlow fuses both. On a GPU the layout is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

NAMES = ("Conv", "SeparableConv", "DepthwiseConv", "MaxPooling", "AveragePooling")
LAYERS = tuple(
    getattr(keras.layers, f"{name}{axes}D{end}")
    for name in NAMES
    for axes in (1, 2, 3)
    for end in ("", "Transpose")
    if hasattr(keras.layers, f"{name}{axes}D{end}")
)
FIRST, LAST = "channels_first", "channels_last"


def move_channels_last(model: Any) -> None:
    """Let convolutions and pooling of the model turn their channels last, and back, where needed.

    What goes in and comes out, and every other layer, keeps its layout.
    """
    if tf.config.list_physical_devices("GPU"):
        return
    for layer in model._flatten_layers():
        if not isinstance(layer, LAYERS) or layer.data_format != FIRST:
            continue
        if not isinstance(vars(layer).get("call"), _Turned):  # a model may be opened twice
            object.__setattr__(layer, "call", _Turned(layer, layer.call))


class _Turned:
    """The call of a layer, with its channels last."""

    def __init__(self, layer: Any, original: Callable[..., Any]) -> None:
        self._layer, self._original = layer, original

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what the layer gives, its channels first again."""
        layer = self._layer
        activation = getattr(layer, "activation", None)
        object.__setattr__(layer, "data_format", LAST)
        if activation is not None:  # it may have an axis of its own, such as softmax
            object.__setattr__(layer, "activation", keras.activations.linear)
        try:
            last = keras.ops.moveaxis(inputs, 1, -1)
            outputs = keras.ops.moveaxis(self._original(last, *args, **kwargs), -1, 1)
        finally:
            object.__setattr__(layer, "data_format", FIRST)
            if activation is not None:
                object.__setattr__(layer, "activation", activation)
        return outputs if activation is None else activation(outputs)
