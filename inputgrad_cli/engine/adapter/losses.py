"""Computes losses as targets: one value per sample, never averaged over the batch."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from inputgrad_cli.data.loss_names import build_unknown_loss_error, read_loss_name
from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.data.unresolved_target import RECONSTRUCTION
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.array_helpers import Array

LossFunction = Callable[[Any, Any], Any]

CLASS_INDEX_LOSSES = (
    keras.losses.sparse_categorical_crossentropy,
    keras.losses.categorical_generalized_cross_entropy,
    keras.losses.ctc,
    keras.losses.circle,
)
ONE_HOT_LOSSES = (
    keras.losses.categorical_crossentropy,
    keras.losses.categorical_focal_crossentropy,
    keras.losses.categorical_hinge,
)
TOLERANCE = 1e-5  # relative and absolute change of a sample's loss that other samples may cause


@dataclass(frozen=True)
class Loss:
    """A loss with its public name: (truth, output) -> unreduced values.

    `truth_kind` is the form of the true values: `classes` (class indices), `one-hot` rows,
    `values` in the output's shape, or `any` for a loss of the user, whose form is not known.
    `adds_samples` is True if the function sums over the batch; it is then called for one sample at
    a time.
    """

    name: str
    function: LossFunction
    truth_kind: str = "values"
    adds_samples: bool = False

    def compute_scores(self, truth: Any, output: Any) -> Any:
        """Return the loss of each sample, averaged over all other axes: (B,)."""
        if not self.adds_samples:
            return average_per_sample(self.function(truth, output))

        def compute(pair: tuple[Any, Any]) -> Any:
            value = self.function(pair[0][tf.newaxis], pair[1][tf.newaxis])
            return tf.cast(tf.reduce_mean(value), output.dtype)

        return tf.map_fn(compute, (truth, output), fn_output_signature=output.dtype)


class Losses:
    """The losses that a target can name: those of Keras, and the user's objects by name."""

    def __init__(self, user_objects: Mapping[str, Any] | None = None) -> None:
        self._user_objects = dict(user_objects or {})
        self._losses: dict[str, Loss] = {}
        self._checked: set[tuple[object, ...]] = set()

    def __getitem__(self, text: str) -> Loss:
        """Return the loss with this name, or with this JSON configuration of a model file.

        Raises UsageError if there is none.
        """
        if text not in self._losses:
            self._losses[text] = self._find(text)
        return self._losses[text]

    def prepare_truth(
        self, target: ResolvedTarget, truth: Array | None, output_shape: tuple[int, ...]
    ) -> Array | None:
        """Return the true values (B, ...) for an output (B, ...), None if the loss needs none."""
        if target.argument == RECONSTRUCTION:
            return None
        loss = self[target.argument]
        if truth is None:
            raise UsageError(
                f"target {target.text} needs the true values", hint="give them with --truth"
            )
        fitted = fit_truth(loss, truth, output_shape)
        shapes = (target.argument, fitted.shape[1:], output_shape[1:])
        if shapes not in self._checked:
            self._losses[target.argument] = _probe_loss(loss, target.text, fitted, output_shape)
            self._checked.add(shapes)
        return fitted

    def _find(self, text: str) -> Loss:
        """Return the loss for a name or a JSON configuration; UsageError if there is none."""
        config = json.loads(text) if text.startswith("{") else text
        name = read_loss_name(config)
        value = self._find_value(config)
        if inspect.isclass(value):
            value = _create_loss(value, name)
        if not callable(value):
            raise build_unknown_loss_error(name)
        if not inspect.isfunction(value):
            # A loss object averages over the batch, but its `call` does not.
            inner = getattr(value, "fn", value)
            return Loss(
                name, _cast_truth(getattr(value, "call", value), inner), _infer_truth_kind(inner)
            )
        _refuse_arguments(value, name)
        return Loss(name, _cast_truth(value, value), _infer_truth_kind(value))

    def _find_value(self, config: Any) -> Any:
        """Return the function, class or object of a loss, None if there is none."""
        if isinstance(config, str):
            value = {**_list_registered(), **self._user_objects}.get(config)
            return value if _is_loss(value) else _find_keras_loss(config)
        try:
            with keras.saving.custom_object_scope({**_list_registered(), **self._user_objects}):
                return keras.losses.deserialize(config)
        except (ValueError, TypeError, ImportError, AttributeError):
            return None


def _find_keras_loss(name: str) -> Any:
    """Return a loss of Keras by name; `keras.losses.get` does not know all of them."""
    with suppress(ValueError, TypeError):
        return keras.losses.get(name)
    value = getattr(keras.losses, name, None)
    is_helper = name in ("get", "serialize", "deserialize", "Loss")
    return value if _is_loss(value) and not is_helper else None


def _list_registered() -> dict[str, Any]:
    """Return the objects registered with Keras, by name with and without their package."""
    objects = keras.saving.get_custom_objects()
    return {**{name.rpartition(">")[2]: value for name, value in objects.items()}, **objects}


def _is_loss(value: Any) -> bool:
    if inspect.isclass(value):
        return issubclass(value, keras.losses.Loss)
    return inspect.isfunction(value) or isinstance(value, keras.losses.Loss)


def _create_loss(cls: type[Any], name: str) -> Any:
    """Create a loss from a class; UsageError if it needs arguments."""
    try:
        return cls()
    except TypeError as error:
        raise UsageError(
            f"target loss:{name} cannot be created from its name alone",
            reason=str(error),
            hint="give its arguments defaults, or use loss:compiled",
        ) from None


def _refuse_arguments(function: LossFunction, name: str) -> None:
    """Raise UsageError if a function needs more arguments than truth and output."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a function that is not written in Python may have none
        return
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p.name for p in parameters if p.default is p.empty and p.kind in kinds]
    if len(required) > 2:
        raise UsageError(
            f"target loss:{name} cannot be computed from truth and output alone",
            reason=f"it also needs {', '.join(required[2:])}",
            hint="take the class of that loss, which has defaults, or loss:compiled",
        )


def _cast_truth(function: LossFunction, inner: Any) -> LossFunction:
    """Return the function, with the truth cast to int32 for CTC, which takes no other type."""
    if inner is not keras.losses.ctc:
        return function
    return lambda truth, output: function(tf.cast(truth, tf.int32), output)


def _infer_truth_kind(function: Any) -> str:
    """Return the form of true values that a loss function takes."""
    if function in CLASS_INDEX_LOSSES:
        return "classes"
    if function in ONE_HOT_LOSSES:
        return "one-hot"
    is_of_keras = str(getattr(function, "__module__", "")).startswith("keras.")
    return "values" if is_of_keras else "any"


def fit_truth(loss: Loss, truth: Array, output_shape: tuple[int, ...]) -> Array:
    """Return the truth in the shape that the loss takes.

    A single value per sample is broadcast to the shape of a regression output.
    """
    rows, rank = output_shape[0], len(output_shape)
    shape = output_shape[:-1] if loss.truth_kind == "classes" else output_shape
    if truth.size == np.prod(shape) and len(truth) == rows:
        return truth.reshape(shape)
    if truth.ndim == 1 and loss.truth_kind in ("values", "any"):
        column = truth.reshape((-1,) + (1,) * (rank - 1))
        if loss.truth_kind == "any":  # the loss may take class indices, which must not be broadcast
            return column
        return np.ascontiguousarray(np.broadcast_to(column, output_shape))
    # Labels of CTC have a length of their own; what a loss of the user takes is not known.
    if len(truth) == rows and (loss.truth_kind == "any" or loss.name.lower() == "ctc"):
        return truth
    hint = "; for class numbers use loss:sparse_categorical_crossentropy"
    raise UsageError(
        f"--truth of shape {truth.shape} does not fit loss:{loss.name} on an output of "
        f"{output_shape}",
        reason="the first axis is the sample",
        hint=f"it takes the shape {shape}{hint if loss.truth_kind == 'one-hot' else ''}",
    )


def _probe_loss(loss: Loss, text: str, truth: Array, output_shape: tuple[int, ...]) -> Loss:
    """Return the loss, with `adds_samples` set; UsageError if it compares samples.

    It is computed for random outputs of three samples, one by one and as a batch; two of them have
    the same truth.
    """
    random = np.random.default_rng(0)
    # Between 0 and 1 all logarithms are finite; rows sum to 1, as probabilities do.
    outputs = random.uniform(0.1, 0.9, (3, *output_shape[1:])).astype(np.float32)
    if outputs.shape[-1] > 1:
        outputs /= outputs.sum(axis=-1, keepdims=True)
    different = np.flatnonzero((truth != truth[:1]).reshape(len(truth), -1).any(axis=1))
    labels = truth[[0, 0, different[0] if len(different) else -1]]
    try:
        single = [
            _compute_mean(loss, labels[row : row + 1], outputs[row : row + 1]) for row in range(3)
        ]
        batch = np.asarray(loss.function(tf.constant(labels), tf.constant(outputs)))
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        raise UsageError(
            f"target {text}: loss:{loss.name} cannot be computed for an output of {output_shape} "
            f"and --truth of {truth.shape}",
            reason=_extract_reason(error),
        ) from None
    if batch.ndim == 0 or len(batch) != 3:
        return replace(loss, adds_samples=True)
    batch_means = batch.reshape(3, -1).mean(axis=1)
    if np.allclose(batch_means, single, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
        return loss
    raise UsageError(
        f"target {text}: loss:{loss.name} has no value for a single sample",
        reason="it compares the samples of a batch with one another",
        hint="choose another loss, or an output's unit",
    )


def _compute_mean(loss: Loss, truth: Array, output: Array) -> float:
    return float(np.mean(np.asarray(loss.function(tf.constant(truth), tf.constant(output)))))


def _extract_reason(error: Exception) -> str:
    """Return the first line of an error without the names of TensorFlow's operations."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    return line.rpartition("}}")[2].partition(" [Op:")[0].strip()[:200]


def average_per_sample(values: Any) -> Any:
    """Return the mean of unreduced loss values over all axes except the batch axis: (B,)."""
    return tf.reduce_mean(tf.reshape(values, (tf.shape(values)[0], -1)), axis=1)
