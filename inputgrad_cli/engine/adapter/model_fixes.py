"""What must be set right about a loaded model before its gradients mean anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from inputgrad_cli.engine.adapter.kernels import must_compile

HALF = ("float16", "bfloat16")


def own_precision(model: Any) -> str | None:
    """Return the policy of the layers that compute in half precision, None where none does."""
    return next((layer.dtype_policy.name for layer in _halved(model)), None)


def widen(model: Any) -> None:
    """Let layers of half precision compute in float32, in which their variables are already.

    A gradient in half precision is wrong by 2 to 20 percent.
    """
    for layer in list(_halved(model)):
        layer.dtype_policy = keras.DTypePolicy("float32")


def _halved(model: Any) -> Iterator[Any]:
    for layer in model._flatten_layers():
        policy = getattr(layer, "dtype_policy", None)
        if policy is None or getattr(policy, "quantization_mode", None):
            continue
        if policy.compute_dtype in HALF:
            yield layer


def float_type(model: Any) -> str:
    """Return the type of floats that the model computes with: float64 where a layer does."""
    wide = any(
        getattr(layer, "compute_dtype", None) == "float64" for layer in model._flatten_layers()
    )
    return "float64" if wide else "float32"


def let_floats_in(model: Any, symbols: Collection[Any], nested: bool) -> None:
    """Let these inputs, declared as integers, take floats: Keras would round them away.

    With `nested` the inputs of models inside are opened too.
    """
    floats = float_type(model)
    for layer in model._flatten_layers():
        inner = getattr(layer, "_functional", None) or layer
        for tensor in getattr(inner, "inputs", None) or ():
            own = any(tensor is symbol for symbol in symbols)
            if (own or nested) and not str(tensor.dtype).startswith(("float", "string")):
                tensor._dtype = floats


def fixed_batch(model: Any) -> int | None:
    """Return the batch size that the model was built for, None where any will do."""
    sizes = [tensor.shape[0] for tensor in getattr(model, "inputs", None) or ()]
    return next((int(size) for size in sizes if size is not None), None)


def reset_states(model: Any) -> None:
    """Forget what stateful layers remember of the batch before."""
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
            layer.reset_state()


def is_stateful(model: Any) -> bool:
    """Return whether a layer remembers the batch before."""
    return any(getattr(layer, "stateful", False) for layer in model._flatten_layers())


def has_channels_first(model: Any) -> bool:
    """Return whether a layer has its channels first: Keras adds some biases wrongly when eager."""
    return any(
        getattr(layer, "data_format", None) == "channels_first" for layer in model._flatten_layers()
    )


def keep_paddings(model: Any) -> None:
    """Let TensorFlow compute a padding and the convolution behind it one after the other.

    With oneDNN's kernels TensorFlow 2.21 fuses a padding with a `Conv3D` behind it, and forgets the
    padding of a convolution that pads as well: its output is too small, and what is pooled from it
    is wrong. The fusing cannot be turned off for one program, so it is for all of the process.
    """
    volumes = any(isinstance(layer, keras.layers.Conv3D) for layer in model._flatten_layers())
    if must_compile() and (volumes or has_own_code(model)):
        tf.config.optimizer.set_experimental_options({"remapping": False})


def may_mix(model: Any) -> bool:
    """Return whether anything but layers that keep samples apart runs: the first axis may be used.

    Layers of Keras's own do so only along an axis that they were given; code and operations may.
    """
    inner = [model, *model._flatten_layers()]
    operations = [op for one in inner for op in getattr(one, "operations", ())]
    return any(_may_mix(one) for one in [*inner, *operations])


def has_own_code(model: Any) -> bool:
    """Return whether a layer, or the model itself, is not of Keras's own, or a Lambda."""
    return any(not _is_known(part) for part in (model, *model._flatten_layers()))


def _is_known(part: Any) -> bool:
    home = type(part).__module__
    known = home.startswith(("keras.src.layers.", "keras.src.models."))
    return known and type(part).__name__ != "Lambda"


def _may_mix(part: Any) -> bool:
    axis = getattr(part, "axis", None)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return not _is_known(part) or 0 in axes


def seed(model: Any, number: int) -> None:
    """Let every generator start anew from a seed: Keras's in the model, and TensorFlow's own."""
    tf.random.set_seed(number)
    for variable in model.variables:
        if "seed_generator" in variable.path and not variable.trainable:
            variable.assign(np.array([number % 2**32, 1], np.uint32))
