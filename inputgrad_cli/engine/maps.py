"""Which layers give maps on the way to a target, seen by running the model once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.target import Choice, PinnedTarget
from inputgrad_cli.engine.adapter.forward import forward
from inputgrad_cli.engine.adapter.hooks import find_layer, hooked, is_tap, layers_by_path
from inputgrad_cli.engine.adapter.keras_adapter import Binding, Tensors
from inputgrad_cli.engine.adapter.scores import Pins, scalar
from inputgrad_cli.engine.computations import Program, layer_heads
from inputgrad_cli.engine.runner import Runner
from inputgrad_cli.engine.tensors import pins_of
from inputgrad_cli.interfaces.engine import Maps
from inputgrad_cli.modelfile.map_layers import Row, kind_within, last_maps, maps_by_output
from inputgrad_cli.numeric.arrays import Arrays, take

INSIDE = (keras.layers.Wrapper, keras.layers.RNN)  # they call what is in them for every step
SILENT = (keras.Model, keras.layers.InputLayer)


@dataclass
class Seen:
    """One call of a layer: its path, class, number and output, and if the target depends on it."""

    path: str
    kind: str
    number: int
    output: Any
    reached: bool = False


class CamLayers:
    """The layers that class activation maps use, by target; `config` is the model file's, if any.

    Where the file tells, that is the answer, as `inspect` gives it; else the model is run once.
    """

    def __init__(self, binding: Binding, runner: Runner, config: Mapping[str, Any] | None) -> None:
        self._binding, self._runner = binding, runner
        self._known = maps_by_output(config) if config else {}
        self._found: dict[Choice, Maps | None] = {}

    def find(self, inputs: Arrays, target: PinnedTarget) -> Maps | None:
        """Return the last maps on the way to the target, None where there are none."""
        head = target.choice.head
        if head in self._known:
            row = self._known[head]
            return Maps(LAYER + row.path, row.calls) if row else None
        choice = target.choice.program(pinned=True)
        if choice not in self._found:
            self._found[choice] = self._run(inputs, target, choice)
        return self._found[choice]

    def _run(self, inputs: Arrays, target: PinnedTarget, choice: Choice) -> Maps | None:
        calls: list[Seen] = []
        rows, _ = next(iter(self._runner.passes(1)))
        self._runner.run(
            ("maps", choice, target.index.shape[1:]),
            lambda: _calls_seen(self._binding, choice, calls),
            take(inputs, rows),
            pins_of(target.take(rows)),
        )
        row = last_maps(_rows(self._binding, calls, choice.head))
        if row is None:
            return None
        mine = [call.number for call in calls if call.path == row.path and call.reached]
        shared = any(call.number for call in calls if call.path == row.path)
        mark = f"#{mine[0]}" if shared and len(mine) == 1 else ""
        return Maps(LAYER + row.path + mark, len(mine))


def _calls_seen(binding: Binding, choice: Choice, sink: list[Seen]) -> Program:
    """Return (tensors, pins) -> scores, which fills `sink` with every call that gives floats."""
    heads = layer_heads([choice])

    def run(tensors: Tensors, pins: Pins) -> Any:
        sink.clear()
        with tf.GradientTape(watch_accessed_variables=False) as tape, ExitStack() as stack:
            for path, layer in _watched(binding.model).items():
                stack.enter_context(hooked(layer, _noting(path, layer, tape, sink)))
            outputs = forward(binding, tensors, heads)
            scores = scalar(choice, outputs, pins, tensors, losses=binding.losses)
        slopes = tape.gradient(scores, [call.output for call in sink])
        for call, slope in zip(sink, slopes, strict=True):
            call.reached, call.output = slope is not None, tuple(call.output.shape[1:])
        return scores

    return run


def _watched(model: Any) -> dict[str, Any]:
    """Return the layers that work once for each call, each by its first path."""
    every = layers_by_path(model)
    closed = tuple(f"{path}/" for path, layer in every.items() if isinstance(layer, INSIDE))
    found: dict[int, tuple[str, Any]] = {}
    for path, layer in every.items():
        if not isinstance(layer, SILENT) and not path.startswith(closed):
            found.setdefault(id(layer), (path, layer))
    return dict(found.values())


def _noting(path: str, layer: Any, tape: Any, sink: list[Seen]) -> Callable[[int, Any, Any], Any]:
    kind, inner = type(layer).__name__, getattr(layer, "layer", None)
    if isinstance(layer, keras.layers.Wrapper) and inner is not None:
        kind = kind_within(kind, type(inner).__name__)

    def change(number: int, fed: Any, out: Any) -> Any:
        if tf.is_tensor(out) and out.dtype.is_floating:
            tape.watch(out)
            sink.append(Seen(path, kind, number, out))
        return out

    return change


def _rows(binding: Binding, calls: Sequence[Seen], head: str) -> list[Row]:
    """Return the layers that the target depends on, in the order of their last calls."""
    end = _end(binding, calls, head)
    last = {call.path: (at, call) for at, call in enumerate(calls) if call.reached}
    return [
        Row(path, call.kind, call.output, end=path == end)
        for path, (_, call) in sorted(last.items(), key=lambda item: item[1][0])
    ]


def _end(binding: Binding, calls: Sequence[Seen], head: str) -> str:
    """Return the layer that gives the output, or that is the target itself."""
    if is_tap(head):
        layer, _ = find_layer(binding.model, head)
        return next((path for path, one in _watched(binding.model).items() if one is layer), "")
    outputs = binding.named(struct) if (struct := _outputs(binding.model)) is not None else {}
    if len(outputs) > 1:
        name = outputs[head]._keras_history.operation.name
        ends = [call.path for call in calls if f"{call.path}/".startswith(f"{name}/")]
        return ends[-1] if ends else ""
    return calls[-1].path if calls else ""


def _outputs(model: Any) -> Any:
    return getattr(model, "_outputs_struct", None)
