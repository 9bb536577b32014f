"""Where inputs that have no derivative of their own, token ids and texts, become numbers."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import keras
import numpy as np

from inputgrad_cli.arrays import Array, Arrays
from inputgrad_cli.engine.binding import Binding
from inputgrad_cli.engine.taps import hooked, layers_by_path
from inputgrad_cli.signature import Port
from inputgrad_cli.words import LAYER

Ids = dict[tuple[str, int], Array]
Taps = dict[str, tuple[str, ...]]
Tokens = dict[str, list[list[Any]]]


def embedding_taps(binding: Binding, inputs: Arrays) -> Taps:
    """Return, for each integer or text input that an Embedding reads, the taps of its embeddings.

    An input belongs to the embedding calls whose ids change when the input does; positions and
    the like stay.
    """
    layers = _embeddings(binding.model)
    ports = [port for port in binding.ports if not port.dtype.startswith(("float", "bfloat"))]
    if not layers or not ports:
        return {}
    before = read_ids(binding, inputs, layers)
    taps: Taps = {}
    for port in ports:
        after = read_ids(binding, {**inputs, port.name: _other(inputs[port.name], port)}, layers)
        moved = [key for key, ids in before.items() if not np.array_equal(ids, after[key])]
        if moved:
            taps[port.name] = tuple(_tap(key, before) for key in moved)
    return taps


def read_ids(binding: Binding, inputs: Arrays, layers: dict[str, Any]) -> Ids:
    """Return the ids that each call of each embedding is given, by path and number of the call."""
    seen: dict[tuple[str, int], Any] = {}

    def reader(path: str) -> Any:
        def change(number: int, fed: Any, out: Any) -> Any:
            seen[path, number] = fed
            return out

        return change

    def read(tensors: Any) -> Any:
        with ExitStack() as stack:
            for path, layer in layers.items():
                stack.enter_context(hooked(layer, reader(path)))
            binding.call(tensors)
        return dict(seen)

    return {
        call: np.asarray(ids)
        for call, ids in binding.compute(read, binding.tensors(inputs)).items()
    }


def tokens_of(binding: Binding, inputs: Arrays, taps: Taps) -> Tokens:
    """Return, by input and sample, the tokens that its embedding looked up.

    Words where the model holds the one vocabulary that they can be from, else ids.
    """
    layers = layers_by_path(binding.model)
    seen = read_ids(binding, inputs, _embeddings(binding.model))
    words = _vocabulary(layers)
    found: Tokens = {}
    for port, (tap, *_) in taps.items():
        path, _, number = tap.removeprefix(LAYER).partition("#")
        rows = seen[path, int(number or 0)].reshape(len(inputs[port]), -1).astype(int).tolist()
        text = next(p.dtype == "string" for p in binding.ports if p.name == port)
        found[port] = [_spell(row, words) for row in rows] if text and words else rows
    return found


def _vocabulary(layers: dict[str, Any]) -> list[str]:
    """Return the words of the one vocabulary there is; a layer may hold another inside."""
    paths = [path for path, layer in layers.items() if hasattr(layer, "get_vocabulary")]
    outer = [p for p in paths if not any(p.startswith(f"{other}/") for other in paths)]
    return [str(word) for word in layers[outer[0]].get_vocabulary()] if len(outer) == 1 else []


def _spell(ids: list[int], words: list[str]) -> list[Any]:
    return [words[number] if 0 <= number < len(words) else number for number in ids]


def _embeddings(model: Any) -> dict[str, Any]:
    known = layers_by_path(model)
    return {path: known[path] for path in known if isinstance(known[path], keras.layers.Embedding)}


def _tap(key: tuple[str, int], calls: Ids) -> str:
    path, number = key
    shared = sum(1 for other, _ in calls if other == path) > 1
    return f"{LAYER}{path}#{number}" if shared else f"{LAYER}{path}"


def _other(array: Array, port: Port) -> Array:
    """Return a valid value for an input that differs from the one given, everywhere."""
    if port.dtype == "string":
        return np.where(array == "", "inputgrad", "")
    return np.where(array == 0, 1, 0).astype(array.dtype)
