"""Finds the embeddings where token ids and texts become numbers, and reads the tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import keras
import numpy as np

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.engine.adapter.hooks import (
    OutputHook,
    find_layer,
    hook_layer,
    map_layers_by_path,
)
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.type_aliases import Layers, Tensors
from inputgrad_cli.engine.input_differentiability import InputDependence, trace_dependences
from inputgrad_cli.engine.one_sample_forward_trace import ENCODERS, CalibrationPass
from inputgrad_cli.engine.pass_runner import Runner
from inputgrad_cli.engine.traced_function_compiler import Program
from inputgrad_cli.numeric.array_helpers import Array, Arrays, count_rows, swap_zeros, take_rows
from inputgrad_cli.option_choices import LAYER

Ids = dict[tuple[str, int], Array]
Tokens = dict[str, list[list[Any]]]


def find_dependences(first_pass: CalibrationPass) -> dict[str, InputDependence]:
    """Return how the outputs depend on each input, read from a traced pass if one is needed.

    If the model cannot be traced, embeddings are found by changing the inputs one at a time.
    """
    if not may_look_up(first_pass.adapter):
        return {spec.name: InputDependence() for spec in first_pass.adapter.input_specs}
    if first_pass.traced is not None:
        with suppress(Exception):  # a custom operation may have no usable definition
            return trace_dependences(first_pass.traced)
    return _find_by_changing_inputs(first_pass.adapter, first_pass.inputs)


def may_look_up(adapter: KerasAdapter) -> bool:
    """Return whether the model may look up an input, in a known layer or in the user's own code."""
    if any(spec.kind != "float" for spec in adapter.input_specs):
        return True
    layers = list(map_layers_by_path(adapter.model).values())
    if any(isinstance(layer, ENCODERS) for layer in layers):
        return True
    pictures = all(spec.is_image for spec in adapter.input_specs)
    return not pictures and adapter.has_user_code


def _find_by_changing_inputs(adapter: KerasAdapter, inputs: Arrays) -> dict[str, InputDependence]:
    layers = _list_embeddings(adapter.model)
    before = read_ids(adapter, inputs, layers)
    dependences = {}
    for spec in adapter.input_specs:
        after = read_ids(
            adapter, {**inputs, spec.name: _build_other_value(inputs[spec.name], spec)}, layers
        )
        moved = [key for key, ids in before.items() if not np.array_equal(ids, after[key])]
        taps = tuple(_format_tap(key, before) for key in moved)
        dependences[spec.name] = InputDependence(spec.kind != "text" and not taps, taps)
    return dependences


def read_ids(adapter: KerasAdapter, inputs: Arrays, layers: Mapping[str, Any]) -> Ids:
    """Return the ids that each call of each embedding receives, by path and index of the call."""
    ids = adapter.compute(build_ids_program(adapter, layers), adapter.to_tensors(inputs))
    return {call: np.asarray(fed) for call, fed in ids.items()}


def build_ids_program(adapter: KerasAdapter, layers: Mapping[str, Any]) -> Program:
    """Return (tensors, pins) -> the input of each call of the layers, by path and index."""

    def run(tensors: Tensors, pins: Any = None) -> Any:
        ids: dict[tuple[str, int], Any] = {}
        with ExitStack() as stack:
            for path, layer in layers.items():
                stack.enter_context(hook_layer(layer, _record_ids(ids, path)))
            adapter.call(tensors)
        return ids

    return run


def _record_ids(ids: dict[tuple[str, int], Any], path: str) -> OutputHook:
    def change(call_index: int, inputs: Any, output: Any) -> Any:
        ids[path, call_index] = inputs
        return output

    return change


def _find_token_embeddings(
    adapter: KerasAdapter, taps: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return, by input, the first of its taps that names an embedding, whose rows are tokens."""
    return {
        input_name: tap
        for input_name, input_taps in taps.items()
        if (tap := _find_embedding(adapter, input_taps))
    }


def read_tokens(runner: Runner, inputs: Arrays) -> Tokens:
    """Return, by input and sample, the tokens of the inputs that go through an embedding.

    Tokens are words if the input is text and the model holds exactly one vocabulary, else ids.
    """
    dependences = runner.calibration.dependences
    taps = _find_token_embeddings(
        runner.adapter, {name: dependence.lookups for name, dependence in dependences.items()}
    )
    tokens_by_input: Tokens = {name: [] for name in taps}
    for rows, real in runner.split_into_passes(count_rows(inputs)) if taps else ():
        for name, tokens in _read_pass(runner, take_rows(inputs, rows), taps).items():
            # The other rows only fill up a pass of a fixed size.
            tokens_by_input[name] += tokens[:real]
    return tokens_by_input


def _read_pass(runner: Runner, inputs: Arrays, taps: Mapping[str, str]) -> Tokens:
    """Return, by input and sample of one pass, the tokens that its embedding looked up."""
    adapter = runner.adapter
    layers = map_layers_by_path(adapter.model)
    watched = {path: layer for path, layer in layers.items() if _is_tapped(path, taps.values())}
    with runner.context.build_lock:  # a layer can be hooked by one thread at a time
        ids_by_call = runner.run(("ids",), lambda: build_ids_program(adapter, watched), inputs, [])
    words = _find_vocabulary(layers)
    tokens: Tokens = {}
    for input_name, tap in taps.items():
        path, _, call_index = tap.removeprefix(LAYER).partition("#")
        ids = np.asarray(ids_by_call[path, int(call_index or 0)])
        rows = ids.reshape(len(inputs[input_name]), -1).astype(int).tolist()
        text = next(p.dtype == "string" for p in adapter.input_specs if p.name == input_name)
        tokens[input_name] = [_spell(row, words) for row in rows] if text and words else rows
    return tokens


def _find_embedding(adapter: KerasAdapter, taps: Sequence[str]) -> str | None:
    """Return the first of the taps that names an embedding, None if there is none."""
    for tap in taps:
        layer, _ = find_layer(adapter.model, tap)
        if isinstance(layer, keras.layers.Embedding):
            return tap
    return None


def _is_tapped(path: str, taps: Any) -> bool:
    return any(tap.removeprefix(LAYER).partition("#")[0] == path for tap in taps)


def _find_vocabulary(layers: Layers) -> list[str]:
    """Return the words of the only vocabulary, ignoring those nested in layers that hold one."""
    paths = [path for path, layer in layers.items() if hasattr(layer, "get_vocabulary")]
    outer = [p for p in paths if not any(p.startswith(f"{other}/") for other in paths)]
    return [str(word) for word in layers[outer[0]].get_vocabulary()] if len(outer) == 1 else []


def _spell(ids: list[int], words: list[str]) -> list[Any]:
    return [words[i] if 0 <= i < len(words) else i for i in ids]


def _list_embeddings(model: Any) -> Layers:
    """Return the embeddings, each by the last of the paths that lead to it."""
    known = {id(layer): (path, layer) for path, layer in map_layers_by_path(model).items()}
    return {
        path: layer for path, layer in known.values() if isinstance(layer, keras.layers.Embedding)
    }


def _format_tap(key: tuple[str, int], calls: Ids) -> str:
    path, call_index = key
    shared = sum(1 for other, _ in calls if other == path) > 1
    return f"{LAYER}{path}#{call_index}" if shared else f"{LAYER}{path}"


def _build_other_value(array: Array, spec: InputSpec) -> Array:
    """Return a valid value for an input that differs from the given one in every element."""
    if spec.dtype == "string":
        return np.where(array == "", "inputgrad", "")
    return swap_zeros(array)
