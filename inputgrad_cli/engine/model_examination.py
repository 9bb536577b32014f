"""Examines a model with one real sample before any gradient is computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from inputgrad_cli.engine.adapter import model_fixes
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.type_aliases import Tensors
from inputgrad_cli.engine.attribution_sites import is_discrete, is_held_fixed
from inputgrad_cli.engine.embedding_detection import find_dependences, may_look_up
from inputgrad_cli.engine.logits_detection import find_heads
from inputgrad_cli.engine.model_examination_facts import Calibration, choose_mode
from inputgrad_cli.engine.one_sample_forward_trace import CalibrationPass
from inputgrad_cli.engine.pass_setup import PassContext
from inputgrad_cli.interfaces.engine import EngineOptions
from inputgrad_cli.numeric.array_helpers import Array, Arrays, concat_rows, take_rows

RELATIVE_TOLERANCE = 1e-4  # outputs that differ by less, relative to their size, count as equal


def calibrate(
    context: PassContext,
    options: EngineOptions,
    inputs: Arrays,
    *,
    layers: Sequence[str] = (),
    seed: int = 0,
) -> Calibration:
    """Return the facts that the first of the samples reveals, and the mode that follows from them.

    `layers` are taps that are used as outputs. A model with random layers gets the seed.
    """
    adapter = context.adapter
    sample = take_rows(inputs, [0] * (context.fixed_batch or 1))
    first_pass = CalibrationPass(adapter, sample, layers, may_look_up(adapter))
    dependences = find_dependences(first_pass)
    direct = [
        spec.name
        for spec in adapter.input_specs
        if is_discrete(spec)
        and dependences[spec.name].direct
        and not is_held_fixed(spec, adapter.input_specs, dependences)
    ]
    if open_inputs(adapter, direct):  # the program differs once it is fed with floats
        first_pass = CalibrationPass(adapter, sample, layers, records=False)
    heads, needs_graph = find_heads(first_pass, layers)
    notes = _compare_passes(first_pass, context.fixed_batch)
    mode = choose_mode(
        options,
        is_stateful=context.is_stateful,
        is_random="random" in notes,
        needs_graph=needs_graph or model_fixes.has_channels_first(adapter.model),
    )
    return Calibration(
        heads, dependences, mode, seed=seed if "random" in notes else None, notes=notes
    )


def _compare_passes(first_pass: CalibrationPass, fixed_batch: int | None) -> dict[str, str]:
    """Return notes on a model whose outputs differ between passes, or beside another sample."""
    adapter = first_pass.adapter
    if not model_fixes.may_mix_samples(adapter.model):
        return {}
    before, after = first_pass.first_result[0], first_pass.compute()[0]
    if _differ(before, after):
        return {
            "random": "a layer stays random at inference; it is seeded, and samples run one by one"
        }
    # Another sample cannot be added to the samples of a fixed batch.
    if fixed_batch is None and _differ(before, _compute_with_another(adapter, first_pass.inputs)):
        return {"batch": "the model mixes the samples of a batch; they are run one by one"}
    return {}


def open_inputs(adapter: KerasAdapter, names: Sequence[str]) -> bool:
    """Let inputs that were declared as integers take floats, so that they have a gradient.

    Return whether any of them did not take floats before.
    """
    if names := [name for name in names if not adapter.is_float_input(name)]:
        symbols = [
            adapter.symbolic_inputs[name] for name in names if name in adapter.symbolic_inputs
        ]
        nested = all(adapter.is_float_input(p.name) or p.name in names for p in adapter.input_specs)
        model_fixes.allow_float_inputs(adapter.model, symbols, nested=nested)
        adapter.feed_as_floats(names, model_fixes.find_float_type(adapter.model))
    return bool(names)


def _compute_with_another(adapter: KerasAdapter, sample: Arrays) -> Tensors:
    """Return the outputs of a batch of two: a sample and an altered copy of it."""
    other = {name: _alter_sample(array) for name, array in sample.items()}
    outputs: Tensors = adapter.compute(
        adapter.call, adapter.to_tensors(concat_rows([sample, other]))
    )
    return outputs


def _alter_sample(array: Array) -> Array:
    """Return a valid sample that differs from the given one."""
    if array.dtype.kind == "f":
        # Pixels of 0..1 or 0..255 stay within their range.
        return np.asarray(array * 0.5 + 0.25 * np.abs(array).max(initial=1.0), array.dtype)
    return np.roll(array, 1, axis=-1) if array.ndim > 1 else array


def _differ(before: Tensors, after: Tensors) -> bool:
    """Return whether the outputs of the first sample differ between two passes."""
    for name in (name for name in before if not is_tap(name)):
        a, b = (np.asarray(tf.cast(t[name][0], tf.float32)) for t in (before, after))
        size = max(np.abs(a).max(initial=0.0), 1e-12)  # above zero, if all outputs are zeros
        if np.abs(a - b).max(initial=0.0) > RELATIVE_TOLERANCE * size:
            return True
    return False
