"""Infers the output shapes of layers from what the archive writes down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.modelfile.allowed_config_names import MODELS
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import get_name, get_setting, list_layers
from inputgrad_cli.modelfile.layer_graph import is_reference
from inputgrad_cli.modelfile.layer_shape_rules import infer_shape


@convert_config_errors
def infer_output_shapes(config: Mapping[str, Any]) -> dict[str, Shape]:
    """Return output shapes, without batch axis, of the layers directly inside a model, by name."""
    nodes = list_layers(config)
    shapes = {
        get_name(node): shape for node in nodes if (shape := _infer_layer_shape(node)) is not None
    }
    is_sequential = "input_layers" not in config["config"]
    for before, after in pairwise(nodes):
        if is_sequential and (shape := _get_built_shape(after)) is not None:
            shapes.setdefault(get_name(before), shape)
    for name, shape in _walk_written_shapes(nodes):
        shapes.setdefault(name, shape)
    last: Shape | None = None
    for node in nodes:
        name = get_name(node)
        if name not in shapes and not list_layers(node):
            input_shapes = [last] if is_sequential else _list_input_shapes(node, shapes)
            if (shape := infer_shape(node, input_shapes)) is not None:
                shapes[name] = shape
        last = shapes.get(name)
    return shapes


def _list_input_shapes(node: Mapping[str, Any], shapes: Mapping[str, Shape]) -> list[Shape | None]:
    """Return the input shapes of a layer in a graph, an empty list if it is called repeatedly."""
    calls = node.get("inbound_nodes")
    is_called_once = isinstance(calls, list) and len(calls) == 1
    return list(_walk_input_shapes(calls, shapes)) if is_called_once else []


def _walk_input_shapes(item: Any, shapes: Mapping[str, Shape]) -> Iterator[Shape | None]:
    """Yield the shapes of the tensors that a call takes, in order, repeated tensors included."""
    if isinstance(item, Mapping):
        history = get_setting(item, "keras_history")
        if isinstance(history, list):
            is_first_output = len(history) == 3 and history[2] == 0
            inferred = shapes.get(str(history[0])) if is_first_output else None
            yield _drop_batch_axis(get_setting(item, "shape")) or inferred
            return
        item = list(item.values())
    elif is_reference(item):  # as Keras 2 writes a tensor
        yield shapes.get(item[0]) if item[2] == 0 else None
        return
    for part in item if isinstance(item, list) else ():
        yield from _walk_input_shapes(part, shapes)


def _infer_layer_shape(node: Mapping[str, Any]) -> Shape | None:
    """Return a layer's output shape if its settings and its build shape determine it, else None."""
    kind = str(node.get("class_name"))
    if kind == "InputLayer":
        return _drop_batch_axis(get_setting(node, "batch_shape"))
    if inner := list_layers(node):
        if kind not in MODELS:  # the `call` of a custom class may do anything
            return None
        shapes = infer_output_shapes(node)
        ends = get_setting(node, "output_layers")
        if ends is None:
            return shapes.get(get_name(inner[-1]))
        last = ends[0] if isinstance(ends, list) and ends and isinstance(ends[0], list) else ends
        return shapes.get(str(last[0])) if isinstance(last, list) and last else None
    built = _get_built_shape(node)
    if built is None:
        return None
    return infer_shape(node, [built])


def _get_built_shape(node: Mapping[str, Any]) -> Shape | None:
    built = node.get("build_config")
    return _drop_batch_axis(built.get("input_shape")) if isinstance(built, Mapping) else None


def _drop_batch_axis(shape: Any) -> Shape | None:
    if not isinstance(shape, list) or not shape:
        return None
    if not all(dim is None or isinstance(dim, int) for dim in shape):
        return None
    return tuple(shape[1:])


def _walk_written_shapes(node: Any) -> Iterator[tuple[str, Shape]]:
    """Yield layer and shape of every written tensor that is the first output of its layer."""
    stack = [layer.get("inbound_nodes") for layer in node]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            history, shape = (
                get_setting(item, "keras_history"),
                _drop_batch_axis(get_setting(item, "shape")),
            )
            is_first_output = isinstance(history, list) and len(history) == 3 and history[2] == 0
            if is_first_output and shape is not None:
                yield str(history[0]), shape
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
