"""Finds the layer whose maps a class activation map uses, by running the model once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget
from inputgrad_cli.engine.adapter.hooks import find_layer, hook_layer, is_tap, map_layers_by_path
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.scores import PinnedTensors, compute_scores
from inputgrad_cli.engine.adapter.tapped_forward_pass import run_forward
from inputgrad_cli.engine.adapter.type_aliases import Layers, Tensors
from inputgrad_cli.engine.pass_runner import Runner
from inputgrad_cli.engine.score_gradient_functions import list_layer_heads
from inputgrad_cli.engine.tensor_array_conversion import to_pins
from inputgrad_cli.engine.traced_function_compiler import Program
from inputgrad_cli.interfaces.engine import CamLayer
from inputgrad_cli.modelfile.cam_layer_choice import (
    UpstreamLayer,
    find_map_layer,
    find_map_layers,
    format_wrapper_class,
)
from inputgrad_cli.numeric.array_helpers import Arrays, take_rows
from inputgrad_cli.option_choices import LAYER

STEP_WRAPPERS = (keras.layers.Wrapper, keras.layers.RNN)  # call their inner layers once per step
# Their outputs are those of the layers in them, or inputs.
CONTAINERS = (keras.Model, keras.layers.InputLayer)


@dataclass
class ObservedCall:
    """One call of a layer: its path, class, index and output, and if the target depends on it."""

    path: str
    kind: str
    index: int
    output: Any
    is_reached: bool = False


class CamLayerFinder:
    """Finds the layers that class activation maps use, by target.

    The layer comes from the model file's `config` if that determines it, so that `inspect` gives
    the same one. Otherwise the model is run once.
    """

    def __init__(self, config: Mapping[str, Any] | None) -> None:
        self._declared_maps = find_map_layers(config) if config else {}
        self._maps_by_choice: dict[ResolvedTarget, CamLayer | None] = {}

    def find(self, runner: Runner, inputs: Arrays, target: PinnedTarget) -> CamLayer | None:
        """Return the last layer with maps that the target depends on, None if there is none."""
        head = target.resolved.head
        if head in self._declared_maps:
            row = self._declared_maps[head]
            return CamLayer(LAYER + row.path, row.calls) if row else None
        choice = target.resolved.to_trace_key(pinned=True)
        if choice not in self._maps_by_choice:
            self._maps_by_choice[choice] = _run(runner, inputs, target, choice=choice)
        return self._maps_by_choice[choice]


def _run(
    runner: Runner, inputs: Arrays, target: PinnedTarget, *, choice: ResolvedTarget
) -> CamLayer | None:
    """Return the last layer with maps on the way to the target in a pass over one sample."""
    calls: list[ObservedCall] = []
    rows = runner.list_first_rows()
    runner.run(
        ("maps", choice, target.index.shape[1:]),
        lambda: _build_call_recorder(runner.adapter, choice, calls),
        take_rows(inputs, rows),
        to_pins(target.take(rows)),
    )
    layer = find_map_layer(_list_rows(runner.adapter, calls, choice.head))
    if layer is None:
        return None
    reached_calls = [call.index for call in calls if call.path == layer.path and call.is_reached]
    is_shared = any(call.index for call in calls if call.path == layer.path)
    # If the target depends on one call of a shared layer, there is no choice to make.
    suffix = f"#{reached_calls[0]}" if is_shared and len(reached_calls) == 1 else ""
    return CamLayer(LAYER + layer.path + suffix, len(reached_calls))


def _build_call_recorder(
    adapter: KerasAdapter, choice: ResolvedTarget, sink: list[ObservedCall]
) -> Program:
    """Return (tensors, pins) -> scores; it fills `sink` with every call that returns floats."""
    heads = list_layer_heads([choice])

    def run(tensors: Tensors, pins: PinnedTensors) -> Any:
        sink.clear()
        with tf.GradientTape(watch_accessed_variables=False) as tape, ExitStack() as stack:
            for path, layer in _find_watched_layers(adapter.model).items():
                stack.enter_context(hook_layer(layer, _build_call_hook(path, layer, tape, sink)))
            outputs = run_forward(adapter, tensors, heads)
            scores = compute_scores(choice, outputs, pins, tensors, losses=adapter.losses)
        slopes = tape.gradient(scores, [call.output for call in sink])
        # From here on only the shape is needed, so the output itself can be freed.
        for call, slope in zip(sink, slopes, strict=True):
            call.is_reached, call.output = slope is not None, tuple(call.output.shape[1:])
        return scores

    return run


def _find_watched_layers(model: Any) -> Layers:
    """Return the layers that compute once per call, each by its first path."""
    layers = map_layers_by_path(model)
    closed = tuple(f"{path}/" for path, layer in layers.items() if isinstance(layer, STEP_WRAPPERS))
    watched: dict[int, tuple[str, Any]] = {}
    for path, layer in layers.items():
        if not isinstance(layer, CONTAINERS) and not path.startswith(closed):
            watched.setdefault(id(layer), (path, layer))
    return dict(watched.values())


def _build_call_hook(
    path: str, layer: Any, tape: Any, sink: list[ObservedCall]
) -> Callable[[int, Any, Any], Any]:
    kind, inner = type(layer).__name__, getattr(layer, "layer", None)
    if isinstance(layer, keras.layers.Wrapper) and inner is not None:
        kind = format_wrapper_class(kind, type(inner).__name__)

    def change(call_index: int, inputs: Any, output: Any) -> Any:
        if tf.is_tensor(output) and output.dtype.is_floating:
            tape.watch(output)
            sink.append(ObservedCall(path, kind, call_index, output))
        return output

    return change


def _list_rows(
    adapter: KerasAdapter, calls: Sequence[ObservedCall], head: str
) -> list[UpstreamLayer]:
    """Return the layers that the target depends on, in the order of their last calls."""
    end = _find_end(adapter, calls, head)
    last = {call.path: (at, call) for at, call in enumerate(calls) if call.is_reached}
    return [
        UpstreamLayer(path, call.kind, call.output, is_last=path == end)
        for path, (_, call) in sorted(last.items(), key=lambda item: item[1][0])
    ]


def _find_end(adapter: KerasAdapter, calls: Sequence[ObservedCall], head: str) -> str:
    """Return the path of the layer that computes the output, or that is the target itself."""
    if is_tap(head):
        layer, _ = find_layer(adapter.model, head)
        watched = _find_watched_layers(adapter.model).items()
        return next((path for path, candidate in watched if candidate is layer), "")
    outputs = adapter.name_declared_outputs()
    if len(outputs) > 1:
        name = outputs[head]._keras_history.operation.name
        ends = [call.path for call in calls if f"{call.path}/".startswith(f"{name}/")]
        return ends[-1] if ends else ""
    return calls[-1].path if calls else ""
