"""Where inputs that have no derivative of their own, token ids and texts, become numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import keras
import numpy as np

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.signature import Port
from inputgrad_cli.engine.adapter.hooks import Change, find_layer, hooked, layers_by_path
from inputgrad_cli.engine.adapter.keras_adapter import Binding, Tensors
from inputgrad_cli.engine.computations import Program
from inputgrad_cli.engine.dependence import Way, ways_of
from inputgrad_cli.engine.runner import Runner
from inputgrad_cli.engine.trace import ENCODERS, Opening
from inputgrad_cli.numeric.arrays import Array, Arrays

Ids = dict[tuple[str, int], Array]
Tokens = dict[str, list[list[Any]]]


def find_ways(opening: Opening) -> dict[str, Way]:
    """Return how each input reaches the outputs, by a traced pass where one could tell more.

    Where the model cannot be traced, embeddings are found by changing what they are fed.
    """
    if not may_look_up(opening.binding):
        return {port.name: Way() for port in opening.binding.ports}
    if opening.traced is not None:
        with suppress(Exception):  # an operation of a library of the user's, which says little
            return ways_of(opening.traced)
    return _untraced(opening.binding, opening.inputs)


def may_look_up(binding: Binding) -> bool:
    """Return whether an input may become numbers inside: known layers do, and code of one's own."""
    if any(port.kind != "float" for port in binding.ports):
        return True
    layers = list(layers_by_path(binding.model).values())
    if any(isinstance(layer, ENCODERS) for layer in layers):
        return True
    pictures = all(port.is_picture for port in binding.ports)
    return not pictures and binding.own_code


def _untraced(binding: Binding, inputs: Arrays) -> dict[str, Way]:
    layers = _embeddings(binding.model)
    before = read_ids(binding, inputs, layers)
    ways = {}
    for port in binding.ports:
        after = read_ids(binding, {**inputs, port.name: _other(inputs[port.name], port)}, layers)
        moved = [key for key, ids in before.items() if not np.array_equal(ids, after[key])]
        taps = tuple(_tap(key, before) for key in moved)
        ways[port.name] = Way(port.kind != "text" and not taps, taps)
    return ways


def read_ids(binding: Binding, inputs: Arrays, layers: Mapping[str, Any]) -> Ids:
    """Return the ids that each call of each embedding is given, by path and number of the call."""
    ids = binding.compute(ids_of(binding, layers), binding.tensors(inputs))
    return {call: np.asarray(fed) for call, fed in ids.items()}


def ids_of(binding: Binding, layers: Mapping[str, Any]) -> Program:
    """Return (tensors, pins) -> what each call of the layers is fed, by path and number."""

    def run(tensors: Tensors, pins: Any = None) -> Any:
        seen: dict[tuple[str, int], Any] = {}
        with ExitStack() as stack:
            for path, layer in layers.items():
                stack.enter_context(hooked(layer, _reading(seen, path)))
            binding.call(tensors)
        return seen

    return run


def _reading(seen: dict[tuple[str, int], Any], path: str) -> Change:
    def change(number: int, fed: Any, out: Any) -> Any:
        seen[path, number] = fed
        return out

    return change


def first_embeddings(binding: Binding, taps: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return by input the first of its taps that is of an embedding, whose rows are tokens."""
    return {port: tap for port, own in taps.items() if (tap := _embedding(binding, own))}


def tokens_of(runner: Runner, inputs: Arrays, taps: Mapping[str, str]) -> Tokens:
    """Return, by input and sample, the tokens that its embedding looked up.

    Words where the model holds the one vocabulary that they can be from, else ids.
    """
    binding = runner.binding
    layers = layers_by_path(binding.model)
    watched = {path: layer for path, layer in layers.items() if _is_named(path, taps.values())}
    with runner.making:  # a layer can be hooked by one thread at a time
        seen = runner.run(("ids",), lambda: ids_of(binding, watched), inputs, [])
    words = _vocabulary(layers)
    found: Tokens = {}
    for port, tap in taps.items():
        path, _, number = tap.removeprefix(LAYER).partition("#")
        ids = np.asarray(seen[path, int(number or 0)])
        rows = ids.reshape(len(inputs[port]), -1).astype(int).tolist()
        text = next(p.dtype == "string" for p in binding.ports if p.name == port)
        found[port] = [_spell(row, words) for row in rows] if text and words else rows
    return found


def _embedding(binding: Binding, taps: Sequence[str]) -> str | None:
    """Return the first of the taps that is of an embedding's rows."""
    for tap in taps:
        layer, _ = find_layer(binding.model, tap)
        if isinstance(layer, keras.layers.Embedding):
            return tap
    return None


def _is_named(path: str, taps: Any) -> bool:
    return any(tap.removeprefix(LAYER).partition("#")[0] == path for tap in taps)


def _vocabulary(layers: dict[str, Any]) -> list[str]:
    """Return the words of the one vocabulary there is; a layer may hold another inside."""
    paths = [path for path, layer in layers.items() if hasattr(layer, "get_vocabulary")]
    outer = [p for p in paths if not any(p.startswith(f"{other}/") for other in paths)]
    return [str(word) for word in layers[outer[0]].get_vocabulary()] if len(outer) == 1 else []


def _spell(ids: list[int], words: list[str]) -> list[Any]:
    return [words[number] if 0 <= number < len(words) else number for number in ids]


def _embeddings(model: Any) -> dict[str, Any]:
    """Return each embedding by the last of the paths that lead to it."""
    known = {id(layer): (path, layer) for path, layer in layers_by_path(model).items()}
    return {
        path: layer for path, layer in known.values() if isinstance(layer, keras.layers.Embedding)
    }


def _tap(key: tuple[str, int], calls: Ids) -> str:
    path, number = key
    shared = sum(1 for other, _ in calls if other == path) > 1
    return f"{LAYER}{path}#{number}" if shared else f"{LAYER}{path}"


def _other(array: Array, port: Port) -> Array:
    """Return a valid value for an input that differs from the one given, everywhere."""
    if port.dtype == "string":
        return np.where(array == "", "inputgrad", "")
    return np.where(array == 0, 1, 0).astype(array.dtype)
