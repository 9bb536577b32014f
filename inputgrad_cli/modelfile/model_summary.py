"""Lists a model's inputs, outputs and layers from its archive alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.data.signature import InputSpec, Shape
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import get_name, get_setting, list_layers
from inputgrad_cli.modelfile.inferred_layer_shapes import infer_output_shapes
from inputgrad_cli.modelfile.layer_graph import list_ends


@dataclass(frozen=True)
class Layer:
    """A layer as written: its name (`outer/inner` if nested), class, module, and output shape.

    `shape` is None if the archive does not determine it.
    """

    name: str
    kind: str
    module: str
    shape: Shape | None = None


@dataclass(frozen=True)
class Outline:
    """A model as its configuration describes it.

    `inputs` and `outputs` are None if the archive does not list them (a subclassed model).
    `outputs` are pairs of a name and the activation of the last layer, or None.
    """

    kind: str
    name: str
    inputs: tuple[InputSpec, ...] | None
    outputs: tuple[tuple[str, str | None], ...] | None
    layers: tuple[Layer, ...]


@convert_config_errors
def build_outline(config: Mapping[str, Any]) -> Outline:
    """Return inputs, outputs and layers of a model's configuration."""
    nodes = {get_name(node): node for node in list_layers(config)}
    kind = str(config["class_name"])
    inner = tuple(_walk_layers(config, ""))
    if "input_layers" in config["config"]:
        inputs = tuple(
            _build_input_spec(label or layer, nodes.get(layer))
            for label, (layer, _, _) in list_ends(config, "input_layers")
        )
        outputs = tuple(
            (label or layer, _find_activation(nodes.get(layer)))
            for label, (layer, _, _) in list_ends(config, "output_layers")
        )
        return Outline(kind, get_name(config), inputs, outputs, inner)
    if nodes:
        return Outline(
            kind, get_name(config), _find_sequential_input(config), _find_last_output(config), inner
        )
    return Outline(kind, get_name(config), None, None, inner)


def _walk_layers(config: Mapping[str, Any], prefix: str) -> Iterator[Layer]:
    shapes = infer_output_shapes(config) if list_layers(config) else {}
    for node in list_layers(config):
        name = prefix + (get_name(node) or "?")
        kind, module = str(node.get("class_name")), str(node.get("module") or "")
        yield Layer(name, kind, module, shapes.get(get_name(node)))
        yield from _walk_layers(node, name + "/")


def _build_input_spec(name: str, node: Mapping[str, Any] | None) -> InputSpec:
    shape = get_setting(node, "batch_shape") if node else None
    dtype = get_setting(node, "dtype") if node else None
    return InputSpec(name, _to_shape(shape), dtype if isinstance(dtype, str) else "float32")


def _to_shape(batch_shape: Any) -> Shape | None:
    if not isinstance(batch_shape, list) or not batch_shape:
        return None
    return tuple(d if isinstance(d, int) else None for d in batch_shape[1:])


def _find_sequential_input(config: Mapping[str, Any]) -> tuple[InputSpec, ...] | None:
    first = list_layers(config)[0]
    if first.get("class_name") == "InputLayer":
        return (_build_input_spec(get_name(first), first),)
    if nested := build_outline(first).inputs if list_layers(first) else None:
        return nested
    # A Sequential model without an input layer stores the shape that it was built with.
    shape = _to_shape(get_setting(config, "build_input_shape"))
    return None if shape is None else (InputSpec("input_layer", shape),)


def _find_last_output(config: Mapping[str, Any]) -> tuple[tuple[str, str | None], ...]:
    last = list_layers(config)[-1]
    return ((get_name(last), _find_activation(last)),)


def _find_activation(node: Mapping[str, Any] | None) -> str | None:
    if node is None:
        return None
    if list_layers(node):
        return _find_activation(list_layers(node)[-1])
    if node.get("class_name") in ("Softmax", "Sigmoid"):
        return str(node["class_name"]).lower()
    value = get_setting(node, "activation")
    if isinstance(value, Mapping):
        inner = value.get("config")
        value = inner if isinstance(inner, str) else value.get("class_name")
    return value if isinstance(value, str) and value != "linear" else None
