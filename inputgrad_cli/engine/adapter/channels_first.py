"""Computes channels-first layers with their channels last.

TensorFlow's own kernels for CPUs support no other layout. Those of oneDNN do, but Keras then adds
the bias along a wrong axis, unless TensorFlow fuses both operations. On a GPU channels-first works.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

LAYER_NAMES = ("Conv", "SeparableConv", "DepthwiseConv", "MaxPooling", "AveragePooling")
LAYERS = tuple(
    getattr(keras.layers, f"{name}{axes}D{end}")
    for name in LAYER_NAMES
    for axes in (1, 2, 3)
    for end in ("", "Transpose")
    if hasattr(keras.layers, f"{name}{axes}D{end}")
)
FIRST, LAST = "channels_first", "channels_last"


def move_channels_last(model: Any) -> None:
    """Make channels-first convolution and pooling layers compute with channels last.

    Their inputs and outputs, and every other layer, keep their layout.
    """
    if tf.config.list_physical_devices("GPU"):
        return
    for layer in model._flatten_layers():
        if not isinstance(layer, LAYERS) or layer.data_format != FIRST:
            continue
        # The call is replaced already if the model was opened before.
        if not isinstance(vars(layer).get("call"), _ChannelsLastCall):
            object.__setattr__(layer, "call", _ChannelsLastCall(layer, layer.call))


class _ChannelsLastCall:
    """The `call` of a channels-first layer, computed with channels last."""

    def __init__(self, layer: Any, original: Callable[..., Any]) -> None:
        self._layer, self._original = layer, original

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the output of the layer, with channels first."""
        layer = self._layer
        activation = getattr(layer, "activation", None)
        object.__setattr__(layer, "data_format", LAST)
        if activation is not None:  # it may depend on the axis, as softmax does
            object.__setattr__(layer, "activation", keras.activations.linear)
        try:
            last = keras.ops.moveaxis(inputs, 1, -1)
            outputs = keras.ops.moveaxis(self._original(last, *args, **kwargs), -1, 1)
        finally:
            object.__setattr__(layer, "data_format", FIRST)
            if activation is not None:
                object.__setattr__(layer, "activation", activation)
        return outputs if activation is None else activation(outputs)
