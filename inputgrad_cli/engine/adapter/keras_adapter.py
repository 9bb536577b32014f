"""Translates between a Keras model's own structures and the one normal form, name to tensor."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from inputgrad_cli.data.signature import Port, Shape
from inputgrad_cli.engine.adapter.channels_first import move_channels_last
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.kernels import make_safe, unoptimized
from inputgrad_cli.engine.adapter.losses import Losses
from inputgrad_cli.engine.adapter.model_fixes import has_own_code
from inputgrad_cli.numeric.arrays import Array, Arrays

Tensors = Mapping[str, Any]
# Types that a tensor keeps when it is fed; half precision and all else is fed as float32.
FED = {
    name: name
    for name in ("float64", "string", "bool", "uint8", "int8", "int16", "uint16", "int32", "int64")
} | {"uint32": "int64"}


class Binding:
    """How one model is called: `ports` name its inputs, `call` runs it.

    `own_code` says that code of the user's own may run in it, which may branch on tensors;
    `losses` are those that a target can name.
    """

    def __init__(self, model: Any, own_code: bool = False, losses: Losses | None = None) -> None:
        self.model = model
        self.losses = losses or Losses()
        # To look for branches on tensors takes a second, so it is done only where there may be one.
        self.own_code = own_code or has_own_code(model)
        move_channels_last(model)
        self.struct = _structure(model)
        if self.struct is not None:
            leaves = keras.tree.flatten_with_path(self.struct)
            self.ports = tuple(_port(path, leaf) for path, leaf in leaves)
            self.symbols = dict(
                zip([p.name for p in self.ports], [x for _, x in leaves], strict=True)
            )
            self.arguments: list[str] = []
        else:
            self.symbols = {}
            self.arguments = _arguments(model)
            self.struct, self.ports = _built_inputs(model, self.arguments)

        self._fed = {port.name: FED.get(port.dtype, "float32") for port in self.ports}

    def take_floats(self, names: Collection[str], dtype: str) -> None:
        """Feed the named inputs as floats, whatever they were declared to be."""
        self._fed.update(dict.fromkeys(names, dtype))

    def takes_floats(self, name: str) -> bool:
        """Return whether an input is fed as floats, so that it can have a gradient."""
        return self._fed[name].startswith("float")

    def as_fed(self, name: str, array: Array) -> Array:
        """Return an array as the floats that its input takes; others stay as they are."""
        whole = self.takes_floats(name) and array.dtype.kind != "f"
        return np.asarray(array, self._fed[name]) if whole else array

    def tensors(self, arrays: Arrays) -> dict[str, Any]:
        """Return the arrays as the tensors that the model is fed with; taps keep their type."""
        fed = {
            port.name: tf.convert_to_tensor(_cast(arrays[port.name], self._fed[port.name]))
            for port in self.ports
        }
        return fed | {n: tf.convert_to_tensor(a) for n, a in arrays.items() if is_tap(n)}

    def call(self, tensors: Tensors) -> dict[str, Any]:
        """Return the outputs by name; inference mode, always."""
        flat = [tensors[port.name] for port in self.ports]
        packed = keras.tree.pack_sequence_as(self.struct, flat)
        if len(self.arguments) > 1:
            outputs = self.model(*packed, training=False)
        else:
            outputs = self.model(packed, training=False)
        return self.named(outputs)

    def compute(self, function: Callable[[Tensors], Any], tensors: Tensors) -> Any:
        """Return what a function that calls the model gives for the tensors, run once."""
        safe = make_safe(function, autograph=self.own_code)
        with unoptimized():
            return safe(dict(tensors))

    def named(self, outputs: Any) -> dict[str, Any]:
        """Return the leaves of `outputs` by dict key, else by layer, else `output`."""
        leaves = keras.tree.flatten_with_path(outputs)
        layers = [_layer_name(tensor) for tensor in getattr(self.model, "outputs", None) or ()]
        layers = layers if len(layers) == len(leaves) else [""] * len(leaves)
        names: list[str] = []
        for (path, _), layer in zip(leaves, layers, strict=True):
            names.append(_key(path) or layer or "output")
        return dict(zip(_unique(names), (leaf for _, leaf in leaves), strict=True))


def _cast(array: Array, dtype: str) -> Array:
    return array.astype(object) if dtype == "string" else np.asarray(array, dtype)


def _structure(model: Any) -> Any:
    if isinstance(model, keras.Sequential):
        inputs = getattr(model, "_functional", None) and model.inputs
        return inputs[0] if inputs else None
    return getattr(model, "_inputs_struct", None)


def _key(path: Sequence[Any]) -> str:
    """Return a nested key such as `x/a`, or nothing where the structure has no names."""
    return "/".join(str(p) for p in path) if any(isinstance(p, str) for p in path) else ""


def _layer_name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def _port(path: Sequence[Any], tensor: Any) -> Port:
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return Port(_key(path) or _layer_name(tensor), tuple(tensor.shape[1:]), dtype)


def _unique(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    out = []
    for name in names:
        number = seen[name] = seen.get(name, -1) + 1
        out.append(f"{name}_{number}" if number else name)
    return out


def _arguments(model: Any) -> list[str]:
    """Return the data parameters of a subclassed model's `call`."""
    parameters = inspect.signature(model.call).parameters.values()
    taken = [
        p.name
        for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        and p.name not in ("training", "mask")
        and (p.default is p.empty)
    ]
    return taken or ["input"]


def _built_inputs(model: Any, arguments: Sequence[str]) -> tuple[Any, tuple[Port, ...]]:
    """Return the input structure of a subclassed model, from the shapes it was built with.

    Shapes were saved with the batch that happened to come first; only the other axes count.
    """
    saved = model.get_build_config() or {}
    shapes = saved.get("shapes_dict") or {}
    if len(arguments) > 1:
        shaped = {name.removesuffix("_shape"): shape for name, shape in shapes.items()}
        ports = tuple(Port(name, _without_batch(shaped.get(name))) for name in arguments)
        return list(arguments), ports
    shape = saved.get("input_shape")
    if isinstance(shape, dict):
        names = sorted(shape)
        return (
            {name: name for name in names},
            tuple(Port(name, _without_batch(shape[name])) for name in names),
        )
    if isinstance(shape, (list, tuple)) and shape and isinstance(shape[0], (list, tuple)):
        ports = tuple(Port(f"{arguments[0]}/{i}", _without_batch(s)) for i, s in enumerate(shape))
        return [port.name for port in ports], ports
    return arguments[0], (Port(arguments[0], _without_batch(shape)),)


def _without_batch(shape: Any) -> Shape | None:
    if not isinstance(shape, (list, tuple)) or not shape:
        return None
    return tuple(d if isinstance(d, int) else None for d in shape[1:])
