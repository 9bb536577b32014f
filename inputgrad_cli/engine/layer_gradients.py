"""Builds programs that return a layer's output, the gradients there, and bias gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget
from inputgrad_cli.engine.adapter.filter_gradient_skipping import skip_filter_gradients
from inputgrad_cli.engine.adapter.hooks import find_layer, hook_layer, map_layers_by_path
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.scores import PinnedTensors, compute_scores, widen_to_float32
from inputgrad_cli.engine.adapter.tapped_forward_pass import get_only_call, run_forward
from inputgrad_cli.engine.adapter.type_aliases import Tensors
from inputgrad_cli.engine.pass_runner import Runner
from inputgrad_cli.engine.score_gradient_functions import compute_tape_gradients, list_layer_heads
from inputgrad_cli.engine.tensor_array_conversion import (
    join_gradients,
    join_layer_passes,
    to_gradients,
)
from inputgrad_cli.engine.traced_function_compiler import Program
from inputgrad_cli.interfaces.engine import Gradients, LayerPass
from inputgrad_cli.numeric.array_helpers import Arrays, concat_rows
from inputgrad_cli.option_choices import LAYER

Sums = dict[str, tuple[Any, Any, int]]
"""By tap: the sum that a bias was added to, the bias, and its axis."""

LINEAR_LAYERS = (
    keras.layers.Dense,
    *(getattr(keras.layers, f"{kind}{n}D") for kind in ("Conv", "SeparableConv", "DepthwiseConv")
      for n in (1, 2)),
    *(getattr(keras.layers, f"Conv{n}DTranspose") for n in (1, 2, 3)),
    keras.layers.Conv3D,
)  # fmt: skip


def find_channel_axis(model: Any, name: str) -> int:
    """Return the channel axis of a layer's output, counting the batch axis."""
    layer, _ = find_layer(model, name)
    # A layer without an order of its own, such as a ReLU, keeps that of the others.
    orders = [
        getattr(candidate, "data_format", None) for candidate in (layer, *model._flatten_layers())
    ]
    return 1 if next((order for order in orders if order), "") == "channels_first" else -1


def run_layer(runner: Runner, inputs: Arrays, target: PinnedTarget, *, name: str) -> LayerPass:
    """Return the layer's output and the gradients there, both (B, ...), and the scores."""
    channels = find_channel_axis(runner.adapter.model, name)
    build_program = partial(build_layer_program, runner.adapter, name=name)
    parts = runner.run_target(inputs, target, kind=("layer", name), build_program=build_program)
    return join_layer_passes(name, parts, channels)


def run_bias_gradients(
    runner: Runner, inputs: Arrays, target: PinnedTarget, *, sites: Sequence[str]
) -> tuple[Gradients, Arrays]:
    """Return the gradients at the sites, and by layer the bias times the gradient there."""
    build_program = partial(build_biases_program, runner.adapter, sites=sites)
    gradients, terms = [], []
    for part, real, (values, scores, bias_terms) in runner.run_target(
        inputs, target, kind=("biases", tuple(sites)), build_program=build_program
    ):
        gradients.append(to_gradients(part, values, scores, real))
        terms.append({name: np.asarray(term)[:real] for name, term in bias_terms.items()})
    return join_gradients(gradients), concat_rows(terms)


def build_layer_program(adapter: KerasAdapter, choice: ResolvedTarget, name: str) -> Program:
    """Return (tensors, pins) -> the layer's output, the gradient there (or None), scores (B,)."""
    heads = list_layer_heads([choice])

    def run(tensors: Tensors, pins: PinnedTensors) -> Any:
        outputs: list[Any] = []
        layer, wanted_call = find_layer(adapter.model, name)
        tape = tf.GradientTape(watch_accessed_variables=False)
        fed_output = tensors.get(name)  # the layer's output, if it is fed instead of computed
        with tape, hook_layer(layer, _build_watcher(tape, outputs, wanted_call)):
            if fed_output is not None:
                tape.watch(fed_output)
            scores = compute_scores(
                choice, run_forward(adapter, tensors, heads), pins, tensors, losses=adapter.losses
            )
        output = (
            get_only_call(adapter, tensors, name, outputs) if fed_output is None else fed_output
        )
        with skip_filter_gradients():
            gradients = tape.gradient(scores, output)
        return (
            widen_to_float32(output),
            None if gradients is None else widen_to_float32(gradients),
            scores,
        )

    return run


def _build_watcher(
    tape: Any, sink: list[Any], wanted_call: int | None
) -> Callable[[int, Any, Any], Any]:
    def change(call_index: int, inputs: Any, output: Any) -> Any:
        if wanted_call is None or call_index == wanted_call:
            tape.watch(output)
            sink.append(output)
        return output

    return change


def build_biases_program(
    adapter: KerasAdapter, choice: ResolvedTarget, sites: Sequence[str]
) -> Program:
    """Return (tensors, pins) -> gradients by site, scores (B,), and bias times gradient by tap."""
    heads = list_layer_heads([choice])

    def run(tensors: Tensors, pins: PinnedTensors) -> Any:
        sums: Sums = {}
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch([tensors[site] for site in sites])
            with _record_sums(adapter.model, tape, sums):
                scores = compute_scores(
                    choice,
                    run_forward(adapter, tensors, heads),
                    pins,
                    tensors,
                    losses=adapter.losses,
                )
        terms = {name: _compute_bias_term(tape, scores, *entry) for name, entry in sums.items()}
        terms = {name: term for name, term in terms.items() if term is not None}
        return compute_tape_gradients(tape, scores, tensors, sites), scores, terms

    return run


def _compute_bias_term(tape: Any, scores: Any, z: Any, bias: Any, axis: int) -> Any | None:
    """Return the bias times the gradient of the sum it was added to, channels last, or None."""
    shape = [1] * z.shape.rank
    shape[axis] = -1
    slope = tape.gradient(scores, z)
    if slope is None:
        return None
    term = widen_to_float32(slope * tf.cast(tf.reshape(bias, shape), z.dtype))
    return term if axis in (-1, z.shape.rank - 1) else tf.experimental.numpy.moveaxis(term, 1, -1)


@contextmanager
def _record_sums(model: Any, tape: Any, sums: Sums) -> Iterator[None]:
    """Fill `sums` with each layer's sum before the activation, and the bias in that sum."""
    with ExitStack() as stack:
        done: set[int] = set()
        for path, layer in map_layers_by_path(model).items():
            # A layer may have several paths, and its bias counts once.
            if id(layer) in done or (bias_and_axis := _find_bias(layer)) is None:
                continue
            done.add(id(layer))
            record = _build_recorder(tape, sums, LAYER + path, *bias_and_axis)
            if getattr(layer, "activation", None) is None:
                stack.enter_context(hook_layer(layer, _build_output_hook(record)))
            else:
                stack.enter_context(_hook_activation(layer, record))
        yield


def _build_recorder(tape: Any, sums: Sums, tap: str, bias: Any, axis: int) -> Callable[[Any], Any]:
    def record(z: Any) -> Any:
        tape.watch(z)
        calls = sum(name.startswith(f"{tap}#") for name in sums)
        sums[f"{tap}#{calls}"] = (z, bias, axis)
        return z

    return record


def _build_output_hook(record: Callable[[Any], Any]) -> Callable[[int, Any, Any], Any]:
    return lambda call_index, inputs, output: record(output)


@contextmanager
def _hook_activation(layer: Any, record: Callable[[Any], Any]) -> Iterator[None]:
    """Call `record` on the input of the layer's activation."""
    activation = layer.activation
    object.__setattr__(layer, "activation", lambda z: activation(record(z)))
    try:
        yield
    finally:
        object.__setattr__(layer, "activation", activation)


def _find_bias(layer: Any) -> tuple[Any, int] | None:
    """Return the constant that a layer adds to a linear map of its input and its axis, or None."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return _compute_shift(layer), layer.axis
    if not isinstance(layer, LINEAR_LAYERS) or layer.bias is None:
        return None
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    return tf.convert_to_tensor(layer.bias), 1 if channels_first else -1


def _compute_shift(layer: Any) -> Any:
    """Return beta - mean * gamma / deviation, which a batch normalization adds at inference."""
    mean, variance = (tf.convert_to_tensor(v) for v in (layer.moving_mean, layer.moving_variance))
    scale = tf.math.rsqrt(variance + layer.epsilon)
    if layer.scale:
        scale = scale * tf.convert_to_tensor(layer.gamma)
    shift = -mean * scale
    return shift + tf.convert_to_tensor(layer.beta) if layer.center else shift
