"""Opens models of Keras 2 and SavedModels for `KerasAdapter`, from trusted files only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.opening.open_failure_causes import explain_saved_model_error
from inputgrad_cli.errors import ModelError


class ForeignModel:
    """A function of named tensors with the interface of a Keras model that takes a dict.

    It shows no layers, and its logits cannot be found; only its outputs are known.
    """

    def __init__(
        self, call: Callable[[Mapping[str, Any]], Any], inputs: Mapping[str, Any], keep: Any
    ) -> None:
        self._call = call
        self._inputs_struct = dict(inputs)
        self._keep = keep  # a SavedModel's variables are deleted with the object that holds them
        self.variables: Sequence[Any] = list(getattr(keep, "variables", ()))
        self.weights = self.variables
        self.built = True

    def __call__(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Return the outputs; `training` is always False."""
        specs = self._inputs_struct
        return self._call(
            {name: _cast_to_declared(inputs[name], specs[name].dtype) for name in specs}
        )

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Any]:
        return []  # its layers are not accessible


def _cast_to_declared(tensor: Any, dtype: Any) -> Any:
    return tensor if tensor.dtype == dtype else tf.cast(tensor, dtype)


def open_saved_model(path: Path) -> ForeignModel:
    """Return a model that calls the serving signature of a SavedModel directory."""
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:
        reason, hint = explain_saved_model_error(error)
        raise ModelError(
            f"{path}: TensorFlow cannot open the SavedModel", reason=reason, hint=hint
        ) from error
    signatures = dict(getattr(loaded, "signatures", {}))
    name = "serving_default" if "serving_default" in signatures else next(iter(signatures), None)
    if name is None:
        raise ModelError(
            f"{path}: the SavedModel has no signature to call",
            hint="write it with model.export('DIR') or with tf.saved_model.save(signatures=...)",
        )
    function = signatures[name]
    inputs = function.structured_input_signature[1]
    return ForeignModel(lambda tensors: function(**tensors), inputs, loaded)


def open_with_tf_keras(path: Path, custom_objects: Mapping[str, Any]) -> ForeignModel:
    """Return a Keras 2 model, opened by tf_keras, the library that continues Keras 2."""
    import tf_keras

    model = tf_keras.models.load_model(
        str(path), custom_objects=dict(custom_objects), compile=False
    )
    names = list(getattr(model, "input_names", None) or ["input"])
    specs = [tf.TensorSpec(t.shape, t.dtype, n) for n, t in zip(names, model.inputs, strict=True)]

    def call(tensors: Mapping[str, Any]) -> Any:
        flat = [tensors[name] for name in names]
        return model(flat[0] if len(flat) == 1 else flat, training=False)

    return ForeignModel(call, dict(zip(names, specs, strict=True)), model)
