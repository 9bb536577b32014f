"""Finds out why a map is zero everywhere, because the remedy depends on the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Batch, Method
from inputgrad_cli.numeric.array_helpers import Array

FLAT = "the score does not change here: no way from the input to it is open"
SENTENCES = {
    "relu": "nothing speaks for the target; {name}:relu=false shows what speaks against it",
    "cut": "nothing speaks for the target, and {name} shows no more; take -m {uncut}",
    "layer": "its layer gives nothing but zeros for this input; name another, {name}:layer=NAME",
    "input": "the input equals its baseline everywhere; choose another --baseline",
    "zeros": "the input is zero everywhere, and {name} multiplies by it; a method with a "
    "--baseline compares it with another input",
    "blank": "the input is zero everywhere, and the score has no slope there",
    "saturated": "the output is saturated, where it has no slope; try --space logit, or a logit",
    "flat": FLAT + " (units that are off, or saturated)",
    "method": "the score does change here, though: {name} finds nothing in that; take -m gradient",
}
SATURATION_DISTANCE = 1e-6  # from a probability of 0 or 1, where float32 gradients vanish


def explain_zero_maps(engine: Engine, method: Method, batch: Batch, layer: str | None) -> list[str]:
    """Return the reason, in words, for each sample of a batch whose maps are all zero.

    `layer` is the layer that the method explains, if any.
    """
    if not len(batch):
        return []
    fields = {"name": method.name, "uncut": method.unclipped_variant}
    return [
        SENTENCES[word].format(**fields) for word in _find_reasons(engine, method, batch, layer)
    ]


def _find_reasons(engine: Engine, method: Method, batch: Batch, layer: str | None) -> list[str]:
    has_negative = _has_negative_values(engine, method, batch)
    is_baseline = _is_own_baseline(method, batch)
    nothing = np.zeros(len(batch), bool)
    # Methods that perturb inputs use only scores, and no score has changed.
    layer_is_zero, has_slope = (
        (nothing, nothing) if method.perturbs_inputs else _find_slopes(engine, batch, layer)
    )
    is_zero_input = _intersect_rows(
        batch, [~_has_nonzero(batch.inputs[site]) for site in batch.sites]
    )
    saturated = _is_saturated(engine, batch)
    cuts = np.full(len(batch), bool(method.unclipped_variant))
    # The first that holds is given, so a cause comes before what follows from it.
    reasons = [
        ("relu", has_negative),
        ("input", is_baseline),
        ("zeros", is_zero_input & method.multiplies_by_input),
        ("layer", layer_is_zero),
        ("saturated", ~has_slope & saturated),
        ("blank", ~has_slope & is_zero_input),
        ("flat", ~has_slope),
        ("cut", cuts),
    ]
    return [
        next((word for word, rows in reasons if rows[row]), "method") for row in range(len(batch))
    ]


def _has_negative_values(engine: Engine, method: Method, batch: Batch) -> Array:
    """Return which samples have nonzero values once negative ones are not clipped; (B,)."""
    if not getattr(method, "relu", False):
        return np.zeros(len(batch), bool)
    # Only a single baseline is tried: what clipping has removed shows with any of them.
    options: dict[str, Any] = {"relu": False}
    result = replace(method, **options).attribute(engine, replace(batch, references={}))
    return np.asarray(np.any([_has_nonzero(array) for array in result.values.values()], axis=0))


def _is_own_baseline(method: Method, batch: Batch) -> Array:
    """Return which samples equal their baseline; (B,)."""
    # An input can equal one of several baselines, and differ from their mean.
    if not method.uses_baseline or batch.references:
        return np.zeros(len(batch), bool)
    return _intersect_rows(
        batch, [~_has_nonzero(batch.inputs[site] != batch.baseline[site]) for site in batch.sites]
    )


def _find_slopes(engine: Engine, batch: Batch, layer: str | None) -> tuple[Array, Array]:
    """Return where the layer's values are all zero and where any gradient is nonzero; both (B,)."""
    if layer is not None:
        layer_pass = engine.compute_layer(batch.inputs, batch.target, layer)
        return ~_has_nonzero(layer_pass.values), _has_nonzero(layer_pass.gradients)
    gradients = engine.compute_gradients(batch.inputs, batch.target, batch.sites).values
    return np.zeros(len(batch), bool), np.any(
        [_has_nonzero(array) for array in gradients.values()], axis=0
    )


def _is_saturated(engine: Engine, batch: Batch) -> Array:
    """Return which scores are near 0 or 1 at a differentiated softmax or sigmoid; (B,)."""
    target = batch.target.resolved
    is_probability = engine.signature.get_output(target.head).activation in ("softmax", "sigmoid")
    if target.space == "logit" or not is_probability:
        return np.zeros(len(batch), bool)
    magnitude = np.abs(batch.compute_clean_scores(engine))
    return np.asarray(np.minimum(magnitude, np.abs(magnitude - 1)) <= SATURATION_DISTANCE)


def _has_nonzero(array: Array) -> Array:
    return np.asarray(array.reshape(len(array), -1).any(axis=1))


def _intersect_rows(batch: Batch, conditions: Sequence[Array]) -> Array:
    return np.all(conditions, axis=0) if conditions else np.ones(len(batch), bool)
