"""The shapes that layers give, as far as the archive writes them down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.modelfile.allow_list import MODELS
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import layers, name_of, setting
from inputgrad_cli.modelfile.graph import is_reference
from inputgrad_cli.modelfile.shape_rules import given_shape


@reads_config
def output_shapes(config: Mapping[str, Any]) -> dict[str, Shape]:
    """Return the shapes, batch axis left out, of the layers directly inside a model, by name."""
    nodes = layers(config)
    found = {name_of(node): shape for node in nodes if (shape := _own(node)) is not None}
    in_turn = "input_layers" not in config["config"]
    for before, after in pairwise(nodes):
        if in_turn and (shape := _built(after)) is not None:
            found.setdefault(name_of(before), shape)
    for name, shape in _written(nodes):
        found.setdefault(name, shape)
    last: Shape | None = None
    for node in nodes:
        name = name_of(node)
        if name not in found and not layers(node):
            fed = [last] if in_turn else _fed(node, found)
            if (shape := given_shape(node, fed)) is not None:
                found[name] = shape
        last = found.get(name)
    return found


def _fed(node: Mapping[str, Any], found: Mapping[str, Shape]) -> list[Shape | None]:
    """Return the shapes of what goes into a layer of a graph; nothing where it is shared."""
    calls = node.get("inbound_nodes")
    return list(_shapes_in(calls, found)) if isinstance(calls, list) and len(calls) == 1 else []


def _shapes_in(item: Any, found: Mapping[str, Shape]) -> Iterator[Shape | None]:
    """Yield the shapes of the tensors that a call takes, in order, as often as it does."""
    if isinstance(item, Mapping):
        history = setting(item, "keras_history")
        if isinstance(history, list):
            first = len(history) == 3 and history[2] == 0
            yield _plain(setting(item, "shape")) or (found.get(str(history[0])) if first else None)
            return
        item = list(item.values())
    elif is_reference(item):  # as Keras 2 writes a tensor
        yield found.get(item[0]) if item[2] == 0 else None
        return
    for part in item if isinstance(item, list) else ():
        yield from _shapes_in(part, found)


def _own(node: Mapping[str, Any]) -> Shape | None:
    """Return what a layer gives, where its settings and the shape it was built with suffice."""
    kind = str(node.get("class_name"))
    if kind == "InputLayer":
        return _plain(setting(node, "batch_shape"))
    if inner := layers(node):
        if kind not in MODELS:  # the `call` of a class of one's own may do anything
            return None
        shapes = output_shapes(node)
        ends = setting(node, "output_layers")
        if ends is None:
            return shapes.get(name_of(inner[-1]))
        last = ends[0] if isinstance(ends, list) and ends and isinstance(ends[0], list) else ends
        return shapes.get(str(last[0])) if isinstance(last, list) and last else None
    built = _built(node)
    if built is None:
        return None
    return given_shape(node, [built])


def _built(node: Mapping[str, Any]) -> Shape | None:
    built = node.get("build_config")
    return _plain(built.get("input_shape")) if isinstance(built, Mapping) else None


def _plain(shape: Any) -> Shape | None:
    if not isinstance(shape, list) or not shape:
        return None
    if not all(dim is None or isinstance(dim, int) for dim in shape):
        return None
    return tuple(shape[1:])


def _written(node: Any) -> Iterator[tuple[str, Shape]]:
    """Yield layer and shape of every tensor that goes on; of several outputs the first alone."""
    stack = [layer.get("inbound_nodes") for layer in node]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            history, shape = setting(item, "keras_history"), _plain(setting(item, "shape"))
            first = isinstance(history, list) and len(history) == 3 and history[2] == 0
            if first and shape is not None:
                yield str(history[0]), shape
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
