"""Skips the gradients of convolution filters when TensorFlow runs eagerly.

TensorFlow's gradient of a convolution computes the gradient of the input and that of the filters. A
compiled program removes the second if it is not used. An eager program computes it, which takes a
third of the pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops as registries

FILTER_INDEX = 1  # position of the filters among the inputs of a convolution
_LOCK = RLock()


@contextmanager
def skip_filter_gradients() -> Iterator[None]:
    """Compute no gradients of unwatched convolution filters on eager tapes in this block."""
    registry = _get_registry()
    if registry is None or not tf.executing_eagerly():
        yield
        return
    with _LOCK:  # two threads at once would restore each other's functions
        originals = {name: registry[name]["type"] for name in INPUT_GRADIENTS if name in registry}
        for name, gradient in originals.items():
            registry[name]["type"] = _build_gradient(gradient, INPUT_GRADIENTS[name])
        try:
            yield
        finally:
            for name, gradient in originals.items():
                registry[name]["type"] = gradient


def _get_registry() -> Any:
    """Return TensorFlow's table of gradient functions, None if this release has moved it."""
    return getattr(getattr(registries, "gradient_registry", None), "_registry", None)


def _build_gradient(full: Callable[..., Any], inputs_only: Callable[..., Any]) -> Any:
    """Return a gradient function that skips the filters if the tape does not watch them."""

    def compute(operation: Any, *upstream: Any) -> Any:
        # The tape lists the inputs of the operation that are not between its sources and targets.
        if FILTER_INDEX in (getattr(operation, "skip_input_indices", None) or ()):
            return [inputs_only(operation, *upstream), None]
        return full(operation, *upstream)

    return compute


def _read_settings(operation: Any, *names: str) -> dict[str, Any]:
    return {name: operation.get_attr(name) for name in ("strides", "padding", "dilations", *names)}


def _compute_conv2d(operation: Any, upstream: Any) -> Any:
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(operation.inputs[0]),
        filter=operation.inputs[FILTER_INDEX],
        out_backprop=upstream,
        **_read_settings(operation, "explicit_paddings", "use_cudnn_on_gpu", "data_format"),
    )


def _compute_depthwise(operation: Any, upstream: Any) -> Any:
    return tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
        input_sizes=tf.shape(operation.inputs[0]),
        filter=operation.inputs[FILTER_INDEX],
        out_backprop=upstream,
        **_read_settings(operation, "explicit_paddings", "data_format"),
    )


def _compute_conv3d(operation: Any, upstream: Any) -> Any:
    return tf.raw_ops.Conv3DBackpropInputV2(
        input_sizes=tf.shape(operation.inputs[0]),
        filter=operation.inputs[FILTER_INDEX],
        out_backprop=upstream,
        **_read_settings(operation, "data_format"),
    )


INPUT_GRADIENTS = {
    "Conv2D": _compute_conv2d,
    "DepthwiseConv2dNative": _compute_depthwise,
    "Conv3D": _compute_conv3d,
}
