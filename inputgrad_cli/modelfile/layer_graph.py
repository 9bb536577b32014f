"""Builds the graph that a model's configuration describes: which layer takes which tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inputgrad_cli.modelfile.config_object_traversal import get_name, get_setting, list_layers

Tensor = tuple[str, int, int]
"""Name of the layer, index of its call, index of the output."""


@dataclass(frozen=True)
class Call:
    """One call of a layer: the tensors that it takes in order, and all its arguments.

    `result` holds the layer name and the call index of the tensors that it returns.
    """

    node: Mapping[str, Any]
    result: tuple[str, int]
    tensors: tuple[Tensor, ...]
    arguments: Any = None

    def get_output(self, index: int = 0) -> Tensor:
        """Return the tensor that is output `index` of the call."""
        return (*self.result, index)


@dataclass(frozen=True)
class Graph:
    """The calls inside one model, by the tensors that they take; inputs and outputs in order."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    calls: Mapping[Tensor, Sequence[Call]] = field(default_factory=dict)


def list_ends(config: Mapping[str, Any], key: str) -> list[tuple[str, Tensor]]:
    """Return pairs of dict key (empty if there is none) and tensor, in Keras's flat order.

    `key` is `input_layers` or `output_layers`.
    """
    pairs: list[tuple[str, Tensor]] = []

    def visit(node: Any, path: Sequence[str], keyed: bool) -> None:
        if isinstance(node, list) and len(node) >= 3 and isinstance(node[0], str):
            pairs.append(("/".join(path) if keyed else "", (node[0], node[1], node[2])))
        elif isinstance(node, Mapping):
            for word in sorted(node):
                visit(node[word], [*path, word], True)
        elif isinstance(node, list):
            for index, part in enumerate(node):
                visit(part, [*path, str(index)] if keyed else path, keyed)

    visit(config["config"].get(key), [], False)
    return pairs


def build_graph(config: Mapping[str, Any]) -> Graph:
    """Return the graph of a Functional model, or the chain of a Sequential model or a Pipeline."""
    if "input_layers" not in config["config"]:
        return _build_chain(list_layers(config))
    inputs = tuple(tensor for _, tensor in list_ends(config, "input_layers"))
    outputs = tuple(tensor for _, tensor in list_ends(config, "output_layers"))
    calls: dict[Tensor, list[Call]] = {}
    for node in list_layers(config):
        for index, arguments in enumerate(node.get("inbound_nodes") or []):
            call = Call(node, (get_name(node), index), tuple(_walk_tensors(arguments)), arguments)
            for tensor in dict.fromkeys(call.tensors):
                calls.setdefault(tensor, []).append(call)
    return Graph(inputs, outputs, calls)


def _build_chain(nodes: Sequence[Mapping[str, Any]]) -> Graph:
    calls = {("", n, 0): [Call(node, ("", n + 1), (("", n, 0),))] for n, node in enumerate(nodes)}
    return Graph((("", 0, 0),), (("", len(nodes), 0),), calls)


def _walk_tensors(item: Any) -> Iterator[Tensor]:
    """Yield the tensors among the arguments of a call, as Keras 3 or Keras 2 writes them."""
    if isinstance(item, Mapping):
        if item.get("class_name") == "__keras_tensor__":
            name, call, output = get_setting(item, "keras_history")
            yield str(name), call, output
            return
        for key in sorted(item):
            yield from _walk_tensors(item[key])
    elif is_reference(item):
        yield item[0], item[1], item[2]
        yield from _walk_tensors(item[3:])
    elif isinstance(item, list):
        for part in item:
            yield from _walk_tensors(part)


def is_reference(item: Any) -> bool:
    """Return whether an argument is a tensor as Keras 2 writes it: `[layer, call, output, ...]`."""
    return (
        isinstance(item, list)
        and len(item) in (3, 4)
        and isinstance(item[0], str)
        and all(type(index) is int for index in item[1:3])
    )
