"""The layer that a class activation map would use: the last maps on the way to a target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import layers, name_of, setting
from inputgrad_cli.modelfile.graph import Call, Graph, Tensor, ends, graph_of
from inputgrad_cli.modelfile.layer_shapes import output_shapes

NO_MAPS = {"InputLayer", "Resizing", "Rescaling", "Normalization", "CenterCrop", "ZeroPadding2D",
           "Sequential", "Functional", "Model"}  # fmt: skip
WRAPPERS = ("TimeDistributed", "SpectralNormalization")


@dataclass(frozen=True)
class Row:
    """A layer on the way to a target, how often it is called there, and whether it is the end.

    `kind` is its class, of a wrapper with the class within; `shape` what it gives, None if unknown;
    `total` how often it is called at all.
    """

    path: str
    kind: str
    shape: Shape | None
    calls: int = 1
    end: bool = False
    total: int = 1


def kind_within(kind: str, within: str) -> str:
    """Return a wrapper's class with the class of the layer within."""
    return f"{kind}({within})"


def last_maps(rows: Iterable[Row]) -> Row | None:
    """Return the layer that a class activation map would use, of those on the way, in order.

    The last that gives maps, as the last convolution does (lines, planes or volumes of more than
    one place, a step of time before them or not), before they are pooled; where shapes are unknown,
    the last convolution.
    """
    inner = [row for row in rows if row.kind not in NO_MAPS and not row.end]
    convolved = [row for row in inner if "Conv" in row.kind]
    known = [row for row in convolved if row.shape is not None]
    if not known:
        return convolved[-1] if convolved else None
    axes = len(known[-1].shape or ())
    maps = [row for row in inner if row.shape is not None and _is_map(row.shape, axes)]
    return maps[-1] if maps else None


def _is_map(shape: Shape, axes: int) -> bool:
    return len(shape) == axes and any(size != 1 for size in shape[:-1])


@reads_config
def maps_by_output(config: Mapping[str, Any]) -> dict[str, Row | None]:
    """Return the last maps on the way to each output, by its name; only what the archive tells.

    An output is left out where a shape that matters is unknown. None: no layer gives maps.
    """
    if not layers(config):
        return {}
    names = [label or layer for label, (layer, _, _) in ends(config, "output_layers")]
    names = names or [name_of(layers(config)[-1])]
    found = {}
    for number, name in enumerate(names):
        rows = list(_rows(config, {number}, Row("", "", None, end=True)))
        layer = last_maps(rows)
        if _is_sure(rows, layer):
            found[name] = layer
    return found


def _is_sure(rows: Sequence[Row], layer: Row | None) -> bool:
    """Return whether no layer of unknown shape may give maps behind the one that was found."""
    if layer and layer.calls != layer.total:
        return False  # which of its calls it is, only a run tells
    behind = rows[rows.index(layer) + 1 :] if layer else rows
    others = [row.shape for row in behind if not row.end and row.kind not in NO_MAPS]
    if layer and layer.shape is None:
        return all(shape is not None and len(shape) == 1 for shape in others)
    return None not in others


def _rows(config: Mapping[str, Any], outputs: set[int], around: Row) -> Iterator[Row]:
    """Yield the layers on the way to some outputs of a model, which stands at the row `around`."""
    graph, prefix = graph_of(config), f"{around.path}/" if around.path else ""
    last = {graph.outputs[number] for number in outputs if number < len(graph.outputs)}
    used = _used(graph, last)
    shapes = output_shapes(config)
    whole = {result[:2] for result in last}
    for node in layers(config):
        mine = [(call, taken) for call, taken in used if call.node is node]
        if not mine:
            if node.get("class_name") == "InputLayer":
                yield Row(prefix + name_of(node), "InputLayer", shapes.get(name_of(node)))
            continue
        at_end = any(call.result in whole for call, _ in mine)
        shape = shapes.get(name_of(node))
        if shape is None and at_end and len(last) == 1:
            shape = around.shape  # what the model around says of this one
        row = Row(
            prefix + name_of(node),
            _kind(node),
            shape,
            around.calls * len(mine),
            around.end and at_end,
            around.total * max(len(node.get("inbound_nodes") or [0]), 1),
        )
        yield row
        if layers(node):
            yield from _rows(node, {number for _, taken in mine for number in taken}, row)


def _kind(node: Mapping[str, Any]) -> str:
    kind, inner = str(node.get("class_name")), setting(node, "layer")
    if kind in WRAPPERS and isinstance(inner, Mapping):
        return kind_within(kind, _kind(inner))
    return kind


def _used(graph: Graph, last: set[Tensor]) -> list[tuple[Call, set[int]]]:
    """Return the calls that tensors come from, and which of their outputs are taken."""
    by_result = {call.result: call for calls in graph.calls.values() for call in calls}
    taken: dict[tuple[str, int], set[int]] = {}
    stack = list(last)
    while stack:
        tensor = stack.pop()
        call = by_result.get(tensor[:2])
        if call is None:
            continue
        if call.result not in taken:
            stack.extend(call.tensors)
        taken.setdefault(call.result, set()).add(tensor[2])
    return [(by_result[result], numbers) for result, numbers in taken.items()]
