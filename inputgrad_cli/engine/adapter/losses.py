"""Losses as targets: one number per sample, never averaged over the batch."""

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

from inputgrad_cli.data.loss_names import loss_name, unknown_loss
from inputgrad_cli.data.target import Choice
from inputgrad_cli.data.target_text import RECONSTRUCTION
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.arrays import Array

Function = Callable[[Any, Any], Any]

CLASS_NUMBERS = (
    keras.losses.sparse_categorical_crossentropy,
    keras.losses.categorical_generalized_cross_entropy,
    keras.losses.ctc,
    keras.losses.circle,
)
ONE_HOT = (
    keras.losses.categorical_crossentropy,
    keras.losses.categorical_focal_crossentropy,
    keras.losses.categorical_hinge,
)
SAME = 1e-5  # a loss of a sample that others beside it change by less is its own


@dataclass(frozen=True)
class Loss:
    """A loss by its public name: (truth, output) -> unreduced values.

    `takes` says what it wants for the truth: `classes` their numbers, `one-hot` rows, `values` in
    the output's shape, or what a loss of the user's own `own` may want. `alone` says that it adds
    up the samples, and is asked for one at a time.
    """

    name: str
    function: Function
    takes: str = "values"
    alone: bool = False

    def scores(self, truth: Any, output: Any) -> Any:
        """Return the loss of each sample, the mean over all its other axes: (B,)."""
        if not self.alone:
            return per_sample(self.function(truth, output))

        def one(pair: tuple[Any, Any]) -> Any:
            value = self.function(pair[0][tf.newaxis], pair[1][tf.newaxis])
            return tf.cast(tf.reduce_mean(value), output.dtype)

        return tf.map_fn(one, (truth, output), fn_output_signature=output.dtype)


class Losses:
    """The losses that a target can name: Keras's, and the user's `own` by name."""

    def __init__(self, own: Mapping[str, Any] | None = None) -> None:
        self._own = dict(own or {})
        self._known: dict[str, Loss] = {}
        self._tried: set[tuple[object, ...]] = set()

    def __getitem__(self, text: str) -> Loss:
        """Return the loss called so, or that the JSON of a model's file describes; UsageError."""
        if text not in self._known:
            self._known[text] = self._find(text)
        return self._known[text]

    def truth_for(
        self, choice: Choice, truth: Array | None, output_shape: tuple[int, ...]
    ) -> Array | None:
        """Return the labels (B, ...) of a loss beside an output (B, ...), None if it needs none."""
        if choice.how == RECONSTRUCTION:
            return None
        loss = self[choice.how]
        if truth is None:
            raise UsageError(
                f"target {choice.asked} needs the true values", mend="give them with --truth"
            )
        fitted = fit_truth(loss, truth, output_shape)
        shapes = (choice.how, fitted.shape[1:], output_shape[1:])
        if shapes not in self._tried:
            self._known[choice.how] = _tried(loss, choice.asked, fitted, output_shape)
            self._tried.add(shapes)
        return fitted

    def _find(self, text: str) -> Loss:
        config = json.loads(text) if text.startswith("{") else text
        name = loss_name(config)
        value = self._value(config)
        if inspect.isclass(value):
            value = _made(value, name)
        if not callable(value):
            raise unknown_loss(name)
        if not inspect.isfunction(value):  # a loss object averages over the batch, its call not
            inner = getattr(value, "fn", value)
            return Loss(name, _whole(getattr(value, "call", value), inner), _takes(inner))
        _refuse_arguments(value, name)
        return Loss(name, _whole(value, value), _takes(value))

    def _value(self, config: Any) -> Any:
        """Return the function, class or object that a loss is, None where there is none."""
        if isinstance(config, str):
            own = {**_registered(), **self._own}.get(config)
            return own if _is_loss(own) else _of_keras(config)
        try:
            with keras.saving.custom_object_scope({**_registered(), **self._own}):
                return keras.losses.deserialize(config)
        except (ValueError, TypeError, ImportError, AttributeError):
            return None


def _of_keras(name: str) -> Any:
    """Return a loss by what `keras.losses.get` takes, which leaves out some that Keras has."""
    with suppress(ValueError, TypeError):
        return keras.losses.get(name)
    value = getattr(keras.losses, name, None)
    is_helper = name in ("get", "serialize", "deserialize", "Loss")
    return value if _is_loss(value) and not is_helper else None


def _registered() -> dict[str, Any]:
    """Return what is registered with Keras, also by the name without its package."""
    objects = keras.saving.get_custom_objects()
    return {**{name.rpartition(">")[2]: value for name, value in objects.items()}, **objects}


def _is_loss(value: Any) -> bool:
    if inspect.isclass(value):
        return issubclass(value, keras.losses.Loss)
    return inspect.isfunction(value) or isinstance(value, keras.losses.Loss)


def _made(cls: type[Any], name: str) -> Any:
    try:
        return cls()
    except TypeError as error:
        raise UsageError(
            f"target loss:{name} cannot be made by its name alone",
            reason=str(error),
            mend="give its arguments defaults, or use loss:compiled",
        ) from None


def _refuse_arguments(function: Function, name: str) -> None:
    """Raise UsageError where a function needs more than truth and output."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p.name for p in parameters if p.default is p.empty and p.kind in kinds]
    if len(needed) > 2:
        raise UsageError(
            f"target loss:{name} cannot be computed from truth and output alone",
            reason=f"it also needs {', '.join(needed[2:])}",
            mend="take the class of that loss, which has defaults, or loss:compiled",
        )


def _whole(function: Function, inner: Any) -> Function:
    """Return the function with whole numbers for the truth, where nothing else will do."""
    if inner is not keras.losses.ctc:
        return function
    return lambda truth, output: function(tf.cast(truth, tf.int32), output)


def _takes(function: Any) -> str:
    if function in CLASS_NUMBERS:
        return "classes"
    if function in ONE_HOT:
        return "one-hot"
    is_keras = str(getattr(function, "__module__", "")).startswith("keras.")
    return "values" if is_keras else "own"


def fit_truth(loss: Loss, truth: Array, output_shape: tuple[int, ...]) -> Array:
    """Return labels as the loss wants them; one number a sample spreads over a regression."""
    rows, wide = output_shape[0], len(output_shape)
    wanted = output_shape[:-1] if loss.takes == "classes" else output_shape
    if truth.size == np.prod(wanted) and len(truth) == rows:
        return truth.reshape(wanted)
    if truth.ndim == 1 and loss.takes in ("values", "own"):
        spread = truth.reshape((-1,) + (1,) * (wide - 1))
        if loss.takes == "own":  # it may want class numbers, which no copies stand for
            return spread
        return np.ascontiguousarray(np.broadcast_to(spread, output_shape))
    if len(truth) == rows and (loss.takes == "own" or loss.name.lower() == "ctc"):
        return truth
    hint = "; for class numbers use loss:sparse_categorical_crossentropy"
    raise UsageError(
        f"--truth of shape {truth.shape} does not fit loss:{loss.name} on an output of "
        f"{output_shape}",
        reason="the first axis is the sample",
        mend=f"it takes the shape {wanted}{hint if loss.takes == 'one-hot' else ''}",
    )


def _tried(loss: Loss, asked: str, truth: Array, output_shape: tuple[int, ...]) -> Loss:
    """Return the loss, `alone` where it adds up samples; UsageError where it compares them.

    It is tried on made-up outputs, for each of three samples alone and for all together; two of
    them have the same truth.
    """
    random = np.random.default_rng(0)
    outputs = random.uniform(0.1, 0.9, (3, *output_shape[1:])).astype(np.float32)
    if outputs.shape[-1] > 1:
        outputs /= outputs.sum(axis=-1, keepdims=True)
    others = np.flatnonzero((truth != truth[:1]).reshape(len(truth), -1).any(axis=1))
    labels = truth[[0, 0, others[0] if len(others) else -1]]
    try:
        single = [_means(loss, labels[row : row + 1], outputs[row : row + 1]) for row in range(3)]
        every = np.asarray(loss.function(tf.constant(labels), tf.constant(outputs)))
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        raise UsageError(
            f"target {asked}: loss:{loss.name} cannot be computed for an output of {output_shape} "
            f"and --truth of {truth.shape}",
            reason=_reason(error),
        ) from None
    if every.ndim == 0 or len(every) != 3:
        return replace(loss, alone=True)
    together = every.reshape(3, -1).mean(axis=1)
    if np.allclose(together, single, rtol=SAME, atol=SAME, equal_nan=True):
        return loss
    raise UsageError(
        f"target {asked}: loss:{loss.name} is no number of one sample",
        reason="it compares the samples of a batch with one another",
        mend="choose another loss, or an output's unit",
    )


def _means(loss: Loss, truth: Array, output: Array) -> float:
    return float(np.mean(np.asarray(loss.function(tf.constant(truth), tf.constant(output)))))


def _reason(error: Exception) -> str:
    """Return the first line of an error without TensorFlow's name of the operation."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    return line.rpartition("}}")[2].partition(" [Op:")[0].strip()[:200]


def per_sample(values: Any) -> Any:
    """Return the mean of unreduced loss values over all axes but the batch: (B,)."""
    return tf.reduce_mean(tf.reshape(values, (tf.shape(values)[0], -1)), axis=1)
