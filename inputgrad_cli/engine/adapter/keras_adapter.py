"""Calls Keras models with tensors by input name, and returns their outputs by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from inputgrad_cli.data.signature import InputSpec, Shape
from inputgrad_cli.engine.adapter.channels_first import move_channels_last
from inputgrad_cli.engine.adapter.cpu_kernel_selection import make_safe, skip_graph_optimization
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.losses import Losses
from inputgrad_cli.engine.adapter.model_fixes import has_user_code
from inputgrad_cli.engine.adapter.type_aliases import TensorDict, Tensors
from inputgrad_cli.numeric.array_helpers import Array, Arrays

# The type in which an input of each type is fed; half precision and all others as float32.
FED_TYPES = {
    name: name
    for name in ("float64", "string", "bool", "uint8", "int8", "int16", "uint16", "int32", "int64")
} | {"uint32": "int64"}


class KerasAdapter:
    """Calls one model: `input_specs` describe its inputs, `call` runs it.

    `has_user_code` is True if user code may run in the model, which may branch on tensors;
    `losses` are the losses that a target can name.
    """

    def __init__(self, model: Any, user_code: bool = False, losses: Losses | None = None) -> None:
        self.model = model
        self.losses = losses or Losses()
        # Looking for branches on tensors takes a second, so it is done only for user code.
        self.has_user_code = user_code or has_user_code(model)
        move_channels_last(model)
        self.structure = _find_structure(model)
        if self.structure is not None:
            leaves = keras.tree.flatten_with_path(self.structure)
            self.input_specs = tuple(_build_input_spec(path, leaf) for path, leaf in leaves)
            self.symbolic_inputs = dict(
                zip([p.name for p in self.input_specs], [x for _, x in leaves], strict=True)
            )
            self.arguments: list[str] = []
        else:
            self.symbolic_inputs = {}
            self.arguments = _list_arguments(model)
            self.structure, self.input_specs = _read_built_inputs(model, self.arguments)

        self._fed_types = {
            spec.name: FED_TYPES.get(spec.dtype, "float32") for spec in self.input_specs
        }

    def feed_as_floats(self, names: Collection[str], dtype: str) -> None:
        """Feed the named inputs as floats, whatever type they were declared with."""
        self._fed_types.update(dict.fromkeys(names, dtype))

    def is_float_input(self, name: str) -> bool:
        """Return whether an input is fed as floats, so that it has a gradient."""
        return self._fed_types[name].startswith("float")

    def cast_input(self, name: str, array: Array) -> Array:
        """Return an array as floats if its input is fed as floats, else unchanged."""
        needs_cast = self.is_float_input(name) and array.dtype.kind != "f"
        return np.asarray(array, self._fed_types[name]) if needs_cast else array

    def to_tensors(self, arrays: Arrays) -> TensorDict:
        """Return the arrays as tensors in the types that the model is fed with.

        Values that replace the outputs of layers keep their type.
        """
        fed = {
            spec.name: tf.convert_to_tensor(_cast(arrays[spec.name], self._fed_types[spec.name]))
            for spec in self.input_specs
        }
        return fed | {n: tf.convert_to_tensor(a) for n, a in arrays.items() if is_tap(n)}

    def call(self, tensors: Tensors) -> TensorDict:
        """Return the outputs by name; the model always runs in inference mode."""
        flat = [tensors[spec.name] for spec in self.input_specs]
        packed = keras.tree.pack_sequence_as(self.structure, flat)
        # Without `training=False`, layers such as RandomFlip draw in a plain call.
        if len(self.arguments) > 1:
            outputs = self.model(*packed, training=False)
        else:
            outputs = self.model(packed, training=False)
        return self.name_outputs(outputs)

    def name_declared_outputs(self) -> TensorDict:
        """Return the symbolic outputs by name, as the model's graph declares them; {} without one.

        A Sequential model keeps its graph in a Functional model of its own.
        """
        graph = getattr(self.model, "_functional", None) or self.model
        struct = getattr(graph, "_outputs_struct", None)
        return {} if struct is None else self.name_outputs(struct)

    def compute(self, function: Callable[[Tensors], Any], tensors: Tensors) -> Any:
        """Return the result of a function that calls the model, for a single run."""
        safe = make_safe(function, autograph=self.has_user_code)
        with skip_graph_optimization():
            return safe(dict(tensors))

    def name_outputs(self, outputs: Any) -> TensorDict:
        """Return the leaves of `outputs` by dict key, else by layer name, else as `output`."""
        leaves = keras.tree.flatten_with_path(outputs)
        layers = [_get_layer_name(tensor) for tensor in getattr(self.model, "outputs", None) or ()]
        layers = layers if len(layers) == len(leaves) else [""] * len(leaves)
        names: list[str] = []
        for (path, _), layer in zip(leaves, layers, strict=True):
            # Users know the keys of a dict, while Keras names its outputs after layers.
            names.append(_join_path(path) or layer or "output")
        return dict(zip(_make_unique(names), (leaf for _, leaf in leaves), strict=True))


def _cast(array: Array, dtype: str) -> Array:
    return array.astype(object) if dtype == "string" else np.asarray(array, dtype)


def _find_structure(model: Any) -> Any:
    """Return the nested symbolic inputs of a model, None if it is subclassed."""
    if isinstance(model, keras.Sequential):
        # `Sequential.input` is not used, because it raises even if the model has been called.
        inputs = getattr(model, "_functional", None) and model.inputs
        return inputs[0] if inputs else None
    return getattr(model, "_inputs_struct", None)


def _join_path(path: Sequence[Any]) -> str:
    """Return a nested key such as `x/a`, or "" if the structure has no names."""
    return "/".join(str(p) for p in path) if any(isinstance(p, str) for p in path) else ""


def _get_layer_name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def _build_input_spec(path: Sequence[Any], tensor: Any) -> InputSpec:
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return InputSpec(_join_path(path) or _get_layer_name(tensor), tuple(tensor.shape[1:]), dtype)


def _make_unique(names: Sequence[str]) -> list[str]:
    """Return the names with `_1`, `_2`, ... added to repeated ones."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        repeats = seen[name] = seen.get(name, -1) + 1
        out.append(f"{name}_{repeats}" if repeats else name)
    return out


def _list_arguments(model: Any) -> list[str]:
    """Return the parameters of a subclassed model's `call` that take data."""
    parameters = inspect.signature(model.call).parameters.values()
    names = [
        p.name
        for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        and p.name not in ("training", "mask")  # Keras passes these itself
        and (p.default is p.empty)
    ]
    return names or ["input"]


def _read_built_inputs(model: Any, arguments: Sequence[str]) -> tuple[Any, tuple[InputSpec, ...]]:
    """Return the input structure of a subclassed model, from the shapes it was built with.

    The saved shapes have the size of the first batch; only their other axes are used.
    """
    saved = model.get_build_config() or {}
    shapes = saved.get("shapes_dict") or {}
    if len(arguments) > 1:
        shape_by_name = {name.removesuffix("_shape"): shape for name, shape in shapes.items()}
        specs = tuple(
            InputSpec(name, _drop_batch_axis(shape_by_name.get(name))) for name in arguments
        )
        return list(arguments), specs
    shape = saved.get("input_shape")
    if isinstance(shape, dict):
        names = sorted(shape)
        return (
            {name: name for name in names},
            tuple(InputSpec(name, _drop_batch_axis(shape[name])) for name in names),
        )
    if isinstance(shape, (list, tuple)) and shape and isinstance(shape[0], (list, tuple)):
        specs = tuple(
            InputSpec(f"{arguments[0]}/{i}", _drop_batch_axis(s)) for i, s in enumerate(shape)
        )
        return [spec.name for spec in specs], specs
    return arguments[0], (InputSpec(arguments[0], _drop_batch_axis(shape)),)


def _drop_batch_axis(shape: Any) -> Shape | None:
    if not isinstance(shape, (list, tuple)) or not shape:
        return None
    return tuple(d if isinstance(d, int) else None for d in shape[1:])
