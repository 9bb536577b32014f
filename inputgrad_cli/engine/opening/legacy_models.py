"""Models that Keras 3 does not open, behind the face that `Binding` knows: trusted files only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.opening.open_errors import cause_of_saved_model
from inputgrad_cli.errors import ModelError


class Foreign:
    """A callable of named tensors that looks like a Keras model with a dict of inputs.

    It has no layers to tap, and its logits cannot be found: only the outputs are known.
    """

    def __init__(
        self, call: Callable[[Mapping[str, Any]], Any], inputs: Mapping[str, Any], keep: Any
    ) -> None:
        self._call = call
        self._inputs_struct = dict(inputs)
        self._keep = keep  # a SavedModel's variables die with the object that holds them
        self.variables: Sequence[Any] = list(getattr(keep, "variables", ()))
        self.weights = self.variables
        self.built = True

    def __call__(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Return the outputs; `training` is False, always."""
        specs = self._inputs_struct
        return self._call({name: _as_declared(inputs[name], specs[name].dtype) for name in specs})

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Any]:
        return []  # none of its own layers can be seen


def _as_declared(tensor: Any, dtype: Any) -> Any:
    return tensor if tensor.dtype == dtype else tf.cast(tensor, dtype)


def open_saved_model(path: Path) -> Foreign:
    """Return the serving signature of a SavedModel directory."""
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:
        reason, mend = cause_of_saved_model(error)
        raise ModelError(
            f"{path}: TensorFlow cannot open the SavedModel", reason=reason, mend=mend
        ) from error
    signatures = dict(getattr(loaded, "signatures", {}))
    name = "serving_default" if "serving_default" in signatures else next(iter(signatures), None)
    if name is None:
        raise ModelError(
            f"{path}: the SavedModel has no signature to call",
            mend="write it with model.export('DIR') or with tf.saved_model.save(signatures=...)",
        )
    function = signatures[name]
    inputs = function.structured_input_signature[1]
    return Foreign(lambda tensors: function(**tensors), inputs, loaded)


def open_with_tf_keras(path: Path, own: Mapping[str, Any]) -> Foreign:
    """Return a model of Keras 2, opened by the library that carries Keras 2 on."""
    import tf_keras

    model = tf_keras.models.load_model(str(path), custom_objects=dict(own), compile=False)
    names = list(getattr(model, "input_names", None) or ["input"])
    specs = [tf.TensorSpec(t.shape, t.dtype, n) for n, t in zip(names, model.inputs, strict=True)]

    def call(tensors: Mapping[str, Any]) -> Any:
        flat = [tensors[name] for name in names]
        return model(flat[0] if len(flat) == 1 else flat, training=False)

    return Foreign(call, dict(zip(names, specs, strict=True)), model)
