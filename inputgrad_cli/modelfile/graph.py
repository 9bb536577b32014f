"""The graph that a model's configuration writes: which layer takes which tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inputgrad_cli.modelfile.config_nodes import layers, name_of, setting

Tensor = tuple[str, int, int]
"""Layer, number of its call, number of the output."""


@dataclass(frozen=True)
class Call:
    """One call of a layer: the tensors it takes in order, and all it was called with.

    `result` are the first two parts of the tensors that it gives.
    """

    node: Mapping[str, Any]
    result: tuple[str, int]
    tensors: tuple[Tensor, ...]
    arguments: Any = None

    def output(self, number: int = 0) -> Tensor:
        """Return the tensor that is output `number` of the call."""
        return (*self.result, number)


@dataclass(frozen=True)
class Graph:
    """The calls inside one model by the tensors that they take; `inputs` and `outputs` in order."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    calls: Mapping[Tensor, Sequence[Call]] = field(default_factory=dict)


def ends(config: Mapping[str, Any], key: str) -> list[tuple[str, Tensor]]:
    """Return pairs of dict key (or nothing) and tensor, in Keras's flat order.

    `key` is `input_layers` or `output_layers`.
    """
    found: list[tuple[str, Tensor]] = []

    def visit(node: Any, path: Sequence[str], keyed: bool) -> None:
        if isinstance(node, list) and len(node) >= 3 and isinstance(node[0], str):
            found.append(("/".join(path) if keyed else "", (node[0], node[1], node[2])))
        elif isinstance(node, Mapping):
            for word in sorted(node):
                visit(node[word], [*path, word], True)
        elif isinstance(node, list):
            for number, part in enumerate(node):
                visit(part, [*path, str(number)] if keyed else path, keyed)

    visit(config["config"].get(key), [], False)
    return found


def graph_of(config: Mapping[str, Any]) -> Graph:
    """Return the graph of a Functional model; of a Sequential one, or a Pipeline, the chain."""
    if "input_layers" not in config["config"]:
        return _chain(layers(config))
    inputs = tuple(tensor for _, tensor in ends(config, "input_layers"))
    outputs = tuple(tensor for _, tensor in ends(config, "output_layers"))
    calls: dict[Tensor, list[Call]] = {}
    for node in layers(config):
        for number, arguments in enumerate(node.get("inbound_nodes") or []):
            call = Call(node, (name_of(node), number), tuple(_tensors(arguments)), arguments)
            for tensor in dict.fromkeys(call.tensors):
                calls.setdefault(tensor, []).append(call)
    return Graph(inputs, outputs, calls)


def _chain(nodes: Sequence[Mapping[str, Any]]) -> Graph:
    calls = {("", n, 0): [Call(node, ("", n + 1), (("", n, 0),))] for n, node in enumerate(nodes)}
    return Graph((("", 0, 0),), (("", len(nodes), 0),), calls)


def _tensors(item: Any) -> Iterator[Tensor]:
    """Yield the tensors among the arguments of a call, as Keras 3 or Keras 2 writes them."""
    if isinstance(item, Mapping):
        if item.get("class_name") == "__keras_tensor__":
            name, call, output = setting(item, "keras_history")
            yield str(name), call, output
            return
        for key in sorted(item):
            yield from _tensors(item[key])
    elif is_reference(item):
        yield item[0], item[1], item[2]
        yield from _tensors(item[3:])
    elif isinstance(item, list):
        for part in item:
            yield from _tensors(part)


def is_reference(item: Any) -> bool:
    """Return whether an argument is a tensor as Keras 2 writes it: `[layer, call, output, ...]`."""
    return (
        isinstance(item, list)
        and len(item) in (3, 4)
        and isinstance(item[0], str)
        and all(type(number) is int for number in item[1:3])
    )
