"""Losses as targets: one number per sample, never averaged over the batch."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import UsageError
from inputgrad_cli.target import Choice

RECONSTRUCTION = "reconstruction"
Loss = Callable[[Any, Any], Any]


def find_loss(name: str) -> Loss:
    """Return the function (truth, output) -> unreduced values of the loss called `name`."""
    try:
        # A loss read from the model's file comes as the JSON that Keras wrote.
        found = keras.losses.get(json.loads(name) if name.startswith("{") else name)
    except (ValueError, TypeError):
        found = None
    if found is None:
        raise UsageError(
            f"target loss:{name} is not known",
            mend="NAME is what keras.losses.get takes, as loss:mean_squared_error or loss:mse",
        )
    # A loss object would average over the batch; its `call` does not.
    loss: Loss = found if inspect.isfunction(found) else found.call
    return loss


def truth_for(choice: Choice, truth: Array | None, output_shape: tuple[int, ...]) -> Array | None:
    """Return the labels (B, ...) of a loss beside an output (B, ...), None where it needs none."""
    if choice.how == RECONSTRUCTION:
        return None
    find_loss(choice.how)
    if truth is None:
        raise UsageError(
            f"target {choice.asked} needs the true values", mend="give them with --truth"
        )
    return fit_truth(choice.how, truth, output_shape)


def fit_truth(name: str, truth: Array, output_shape: tuple[int, ...]) -> Array:
    """Return labels as the loss wants them; one number a sample spreads over a regression."""
    sparse, categorical = "sparse" in name.lower(), "categorical" in name.lower()
    wanted = output_shape[:-1] if sparse else output_shape
    if truth.size == np.prod(wanted) and len(truth) == wanted[0]:
        return truth.reshape(wanted)
    if truth.ndim == 1 and not categorical:
        spread = truth.reshape((-1,) + (1,) * (len(output_shape) - 1))
        return np.ascontiguousarray(np.broadcast_to(spread, output_shape))
    raise UsageError(
        f"--truth of shape {truth.shape} does not fit loss:{name} on an output of {output_shape}",
        reason="the first axis is the sample",
        mend="for class numbers use loss:sparse_categorical_crossentropy",
    )


def per_sample(values: Any) -> Any:
    """Return the mean of unreduced loss values over all axes but the batch: (B,)."""
    return tf.reduce_mean(tf.reshape(values, (tf.shape(values)[0], -1)), axis=1)
