"""What the archive alone tells of inputs, outputs and layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.data.signature import Port, Shape
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import layers, name_of, setting
from inputgrad_cli.modelfile.graph import ends
from inputgrad_cli.modelfile.layer_shapes import output_shapes


@dataclass(frozen=True)
class Layer:
    """A layer as written: its name (`outer/inner` when nested), class, module, and output shape.

    `shape` is None where the archive does not write it down.
    """

    name: str
    kind: str
    module: str
    shape: Shape | None = None


@dataclass(frozen=True)
class Outline:
    """A model as its configuration describes it.

    `inputs` and `outputs` are None where the archive cannot tell (a subclassed model);
    `outputs` are names with the activation that the last layer names, if any.
    """

    kind: str
    name: str
    inputs: tuple[Port, ...] | None
    outputs: tuple[tuple[str, str | None], ...] | None
    layers: tuple[Layer, ...]


@reads_config
def outline(config: Mapping[str, Any]) -> Outline:
    """Return what the configuration of a model tells."""
    named = {name_of(node): node for node in layers(config)}
    kind = str(config["class_name"])
    inner = tuple(_walk(config, ""))
    if "input_layers" in config["config"]:
        inputs = tuple(
            _port(label or layer, named.get(layer))
            for label, (layer, _, _) in ends(config, "input_layers")
        )
        outputs = tuple(
            (label or layer, _activation(named.get(layer)))
            for label, (layer, _, _) in ends(config, "output_layers")
        )
        return Outline(kind, name_of(config), inputs, outputs, inner)
    if named:
        return Outline(kind, name_of(config), _sequential_input(config), _last(config), inner)
    return Outline(kind, name_of(config), None, None, inner)


def _walk(config: Mapping[str, Any], prefix: str) -> Iterator[Layer]:
    shapes = output_shapes(config) if layers(config) else {}
    for node in layers(config):
        name = prefix + (name_of(node) or "?")
        kind, module = str(node.get("class_name")), str(node.get("module") or "")
        yield Layer(name, kind, module, shapes.get(name_of(node)))
        yield from _walk(node, name + "/")


def _port(name: str, node: Mapping[str, Any] | None) -> Port:
    shape = setting(node, "batch_shape") if node else None
    dtype = setting(node, "dtype") if node else None
    return Port(name, _shape(shape), dtype if isinstance(dtype, str) else "float32")


def _shape(batch_shape: Any) -> Shape | None:
    if not isinstance(batch_shape, list) or not batch_shape:
        return None
    return tuple(d if isinstance(d, int) else None for d in batch_shape[1:])


def _sequential_input(config: Mapping[str, Any]) -> tuple[Port, ...] | None:
    first = layers(config)[0]
    if first.get("class_name") == "InputLayer":
        return (_port(name_of(first), first),)
    if nested := outline(first).inputs if layers(first) else None:
        return nested
    shape = _shape(setting(config, "build_input_shape"))
    return None if shape is None else (Port("input_layer", shape),)


def _last(config: Mapping[str, Any]) -> tuple[tuple[str, str | None], ...]:
    last = layers(config)[-1]
    return ((name_of(last), _activation(last)),)


def _activation(node: Mapping[str, Any] | None) -> str | None:
    if node is None:
        return None
    if layers(node):
        return _activation(layers(node)[-1])
    if node.get("class_name") in ("Softmax", "Sigmoid"):
        return str(node["class_name"]).lower()
    value = setting(node, "activation")
    if isinstance(value, Mapping):
        inner = value.get("config")
        value = inner if isinstance(inner, str) else value.get("class_name")
    return value if isinstance(value, str) and value != "linear" else None
