"""Finds the layer in which a model failed, and the shapes of its inputs."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from typing import Any

import keras

from inputgrad_cli.engine.adapter.hooks import map_layers_by_path
from inputgrad_cli.numeric.array_helpers import format_shape
from inputgrad_cli.option_choices import to_printable


def locate_error(error: BaseException, model: Any = None) -> str:
    """Return the layer that raised the error, as `layer 'conv' (Conv1D), given (1, 3, 4)`.

    Without a model, which is then being opened, it may also be the layer that could not be made.
    Returns "" if it was no layer. The traceback must not be filtered by Keras.
    """
    for cause in yield_causes(error):
        match = None
        for frame, _ in traceback.walk_tb(cause.__traceback__):
            operation = frame.f_locals.get("self")
            is_constructor = frame.f_code.co_name in ("__init__", "__new__")
            if (
                isinstance(operation, keras.Operation)
                and operation is not model
                and not is_constructor
            ):
                # The first frame of a layer is its __call__, which has the inputs.
                match = (operation, frame) if match is None or match[0] is not operation else match
        # A model fails in one of its layers, and the name of the layer says more.
        if match and not _is_model(match[0]):
            return _describe_layer(*match, model)
    return _locate_construction(error) if model is None else _locate_node(error, model)


def _locate_construction(error: BaseException) -> str:
    """Return the layer that could not be made of its configuration, "" if it was none."""
    location = ""
    for cause in yield_causes(error):
        for frame, _ in traceback.walk_tb(cause.__traceback__):
            layer_class, config = frame.f_locals.get("cls"), frame.f_locals.get("config")
            if not (isinstance(layer_class, type) and isinstance(config, dict)):
                continue
            # A model names the layer that it makes in a frame further in.
            if issubclass(layer_class, keras.Layer) and not issubclass(layer_class, keras.Model):
                name = to_printable(str(config.get("name")))
                location = f"layer {name!r} ({layer_class.__name__})"
        if location:
            break
    return location


def yield_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and its causes, the innermost first."""
    errors = []
    while error is not None and error not in errors:
        errors.append(error)
        error = error.__cause__ or error.__context__
    yield from reversed(errors)


def _is_model(layer: Any) -> bool:
    return isinstance(layer, (keras.Sequential, keras.Model)) and hasattr(layer, "_functional")


def _describe_layer(operation: Any, frame: Any, model: Any) -> str:
    """Return the layer with its path, class and the shapes of its inputs, in words."""
    layers = {} if model is None else map_layers_by_path(model)
    paths = {id(layer): path for path, layer in layers.items()}
    kind = "layer" if isinstance(operation, keras.Layer) else "operation"
    name = paths.get(id(operation), operation.name)
    given = [frame.f_locals.get(key) for key in ("args", "kwargs")]
    leaves = keras.tree.flatten([value for value in given if value is not None])
    shapes = [_format_shape(leaf) for leaf in leaves if getattr(leaf, "shape", None) is not None]
    received = f", given {' and '.join(shapes[:3])}" if shapes else ""
    return f"{kind} {name!r} ({type(operation).__name__}){received}"


def _format_shape(tensor: Any) -> str:
    """Return the shape of a tensor with `?` for unknown sizes."""
    try:
        return format_shape(tensor.shape)
    except ValueError:  # the rank is unknown
        return "(...)"


def _locate_node(error: BaseException, model: Any) -> str:
    """Return the layer of the graph node that the message names, or ""."""
    nodes = re.findall(r"\{\{node ([^}]*)\}\}", str(error))
    paths = map_layers_by_path(model)
    by_name = {path.rpartition("/")[2]: path for path in paths}
    for node in nodes:
        for part in reversed(node.split("/")):
            for name in (part, re.sub(r"_\d+$", "", part)):
                if name in by_name and not _is_model(paths[by_name[name]]):
                    path = by_name[name]
                    return f"layer {path!r} ({type(paths[path]).__name__})"
    return ""
