"""Detects and corrects properties of a loaded model that make its gradients wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from inputgrad_cli.engine.adapter.cpu_kernel_selection import must_compile

HALF_TYPES = ("float16", "bfloat16")


def find_half_precision(model: Any) -> str | None:
    """Return the dtype policy of layers that compute in half precision, None if there are none."""
    return next((layer.dtype_policy.name for layer in _yield_half_layers(model)), None)


def widen_precision(model: Any) -> None:
    """Make half-precision layers compute in float32, the type of their variables.

    A gradient in half precision is wrong by 2 to 20 percent.
    """
    for layer in list(_yield_half_layers(model)):
        layer.dtype_policy = keras.DTypePolicy("float32")


def _yield_half_layers(model: Any) -> Iterator[Any]:
    """Yield the layers that compute in half precision, except quantized ones."""
    for layer in model._flatten_layers():
        policy = getattr(layer, "dtype_policy", None)
        # The policy of a quantized layer also says how its weights are stored.
        if policy is None or getattr(policy, "quantization_mode", None):
            continue
        if policy.compute_dtype in HALF_TYPES:
            yield layer


def find_float_type(model: Any) -> str:
    """Return the float type of the model: float64 if any layer computes in it, else float32."""
    has_float64 = any(
        getattr(layer, "compute_dtype", None) == "float64" for layer in model._flatten_layers()
    )
    return "float64" if has_float64 else "float32"


def allow_float_inputs(model: Any, symbols: Collection[Any], nested: bool) -> None:
    """Let these integer inputs take floats, because Keras would round them.

    With `nested`, the inputs of nested models take floats too.
    """
    floats = find_float_type(model)
    for layer in model._flatten_layers():
        inner = getattr(layer, "_functional", None) or layer
        for tensor in getattr(inner, "inputs", None) or ():
            is_listed = any(tensor is symbol for symbol in symbols)
            if (is_listed or nested) and not str(tensor.dtype).startswith(("float", "string")):
                tensor._dtype = floats


def find_fixed_batch(model: Any) -> int | None:
    """Return the batch size that the model was built for, None if it takes any size."""
    sizes = [tensor.shape[0] for tensor in getattr(model, "inputs", None) or ()]
    return next((int(size) for size in sizes if size is not None), None)


def reset_states(model: Any) -> None:
    """Reset the states that stateful layers keep from the previous batch."""
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
            layer.reset_state()


def is_stateful(model: Any) -> bool:
    """Return whether a layer keeps a state from one batch to the next."""
    return any(getattr(layer, "stateful", False) for layer in model._flatten_layers())


def has_channels_first(model: Any) -> bool:
    """Return whether a layer has its channels first; eager Keras adds some biases wrongly then."""
    return any(
        getattr(layer, "data_format", None) == "channels_first" for layer in model._flatten_layers()
    )


def keep_paddings(model: Any) -> None:
    """Stop TensorFlow from fusing a padding with the convolution after it.

    With oneDNN's kernels TensorFlow 2.21 fuses a padding with a following `Conv3D`, and drops the
    padding of a convolution that pads as well: its output is too small, and pooling it gives wrong
    values. Fusing cannot be disabled for a single program, so it is disabled in the whole process.
    """
    has_conv3d = any(isinstance(layer, keras.layers.Conv3D) for layer in model._flatten_layers())
    # The user's code may contain a convolution that is no layer.
    if must_compile() and (has_conv3d or has_user_code(model)):
        tf.config.optimizer.set_experimental_options({"remapping": False})


def may_mix_samples(model: Any) -> bool:
    """Return whether the samples of a batch may affect each other.

    Layers of Keras do that only if their `axis` is the batch axis; user code and operations may.
    """
    parts = [model, *model._flatten_layers()]
    operations = [op for part in parts for op in getattr(part, "operations", ())]
    return any(_may_mix(part) for part in [*parts, *operations])


def has_user_code(model: Any) -> bool:
    """Return whether the model or one of its layers is a Lambda or not a class of Keras."""
    return any(not _is_known(part) for part in (model, *model._flatten_layers()))


def _is_known(part: Any) -> bool:
    module = type(part).__module__
    is_keras = module.startswith(("keras.src.layers.", "keras.src.models."))
    return is_keras and type(part).__name__ != "Lambda"


def _may_mix(part: Any) -> bool:
    axis = getattr(part, "axis", None)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return not _is_known(part) or 0 in axes


def seed_generators(model: Any, seed: int) -> None:
    """Reset all random generators to a seed: those of Keras in the model, and TensorFlow's."""
    tf.random.set_seed(seed)
    for variable in model.variables:
        if "seed_generator" in variable.path and not variable.trainable:
            # Keras keeps the seed as 32 bits, and counts the draws behind it.
            variable.assign(np.array([seed % 2**32, 1], np.uint32))
