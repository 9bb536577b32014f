"""Gradients of convolutions with respect to their input alone, where TensorFlow runs eagerly.

TensorFlow's own gradient of a convolution also computes that of the filters. A compiled program
drops it again where nobody asked for it; an eager one pays for it, a third of the pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops as registries

FILTERS = 1  # where the filters stand among the inputs of a convolution
_LOCK = RLock()


@contextmanager
def skip_filter_gradients() -> Iterator[None]:
    """Within this block, an eager tape computes no gradient of filters that it does not watch."""
    registry = _registry()
    if registry is None or not tf.executing_eagerly():
        yield
        return
    with _LOCK:  # two threads would each restore what the other replaced
        before = {name: registry[name]["type"] for name in INPUT_GRADIENTS if name in registry}
        for name, gradient in before.items():
            registry[name]["type"] = _unless_unwatched(gradient, INPUT_GRADIENTS[name])
        try:
            yield
        finally:
            for name, gradient in before.items():
                registry[name]["type"] = gradient


def _registry() -> Any:
    """Return TensorFlow's table of gradient functions, None where a release has moved it."""
    return getattr(getattr(registries, "gradient_registry", None), "_registry", None)


def _unless_unwatched(whole: Callable[..., Any], inputs_only: Callable[..., Any]) -> Any:
    def gradient(operation: Any, *slopes: Any) -> Any:
        # The tape says which inputs of the operation do not lie between its sources and targets.
        if FILTERS in (getattr(operation, "skip_input_indices", None) or ()):
            return [inputs_only(operation, *slopes), None]
        return whole(operation, *slopes)

    return gradient


def _settings(operation: Any, *names: str) -> dict[str, Any]:
    return {name: operation.get_attr(name) for name in ("strides", "padding", "dilations", *names)}


def _conv2d(operation: Any, slope: Any) -> Any:
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(operation.inputs[0]),
        filter=operation.inputs[FILTERS],
        out_backprop=slope,
        **_settings(operation, "explicit_paddings", "use_cudnn_on_gpu", "data_format"),
    )


def _depthwise(operation: Any, slope: Any) -> Any:
    return tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
        input_sizes=tf.shape(operation.inputs[0]),
        filter=operation.inputs[FILTERS],
        out_backprop=slope,
        **_settings(operation, "explicit_paddings", "data_format"),
    )


def _conv3d(operation: Any, slope: Any) -> Any:
    return tf.raw_ops.Conv3DBackpropInputV2(
        input_sizes=tf.shape(operation.inputs[0]),
        filter=operation.inputs[FILTERS],
        out_backprop=slope,
        **_settings(operation, "data_format"),
    )


INPUT_GRADIENTS = {"Conv2D": _conv2d, "DepthwiseConv2dNative": _depthwise, "Conv3D": _conv3d}
