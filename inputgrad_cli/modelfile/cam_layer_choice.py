"""Finds the layer that a class activation map uses: the last feature maps before a target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import get_name, get_setting, list_layers
from inputgrad_cli.modelfile.inferred_layer_shapes import infer_output_shapes
from inputgrad_cli.modelfile.layer_graph import Call, Graph, Tensor, build_graph, list_ends

NO_MAPS = {"InputLayer", "Resizing", "Rescaling", "Normalization", "CenterCrop", "ZeroPadding2D",
           "Sequential", "Functional", "Model"}  # fmt: skip
WRAPPERS = ("TimeDistributed", "SpectralNormalization")


@dataclass(frozen=True)
class UpstreamLayer:
    """A layer upstream of a target, how often it is called there, and whether it is the last.

    `kind` is its class (for a wrapper with the wrapped class), `shape` its output shape or None if
    unknown, `total_calls` how often it is called in the complete model.
    """

    path: str
    kind: str
    shape: Shape | None
    calls: int = 1
    is_last: bool = False
    total_calls: int = 1


def format_wrapper_class(kind: str, within: str) -> str:
    """Return a wrapper's class with the class of the wrapped layer, as `Wrapper(Layer)`."""
    return f"{kind}({within})"


def find_map_layer(layers: Iterable[UpstreamLayer]) -> UpstreamLayer | None:
    """Return the layer that a class activation map uses, of the upstream layers in order.

    This is the last layer whose output has as many axes as that of the last convolution (lines,
    planes or volumes, with or without a time axis) and more than one position, so before pooling.
    If shapes are unknown, it is the last convolution. None if there is no such layer.
    """
    inner = [layer for layer in layers if layer.kind not in NO_MAPS and not layer.is_last]
    convolved = [layer for layer in inner if "Conv" in layer.kind]
    known = [layer for layer in convolved if layer.shape is not None]
    if not known:
        return convolved[-1] if convolved else None
    axes = len(known[-1].shape or ())
    maps = [layer for layer in inner if layer.shape is not None and _is_map(layer.shape, axes)]
    return maps[-1] if maps else None


def _is_map(shape: Shape, axes: int) -> bool:
    return len(shape) == axes and any(size != 1 for size in shape[:-1])


@convert_config_errors
def find_map_layers(config: Mapping[str, Any]) -> dict[str, UpstreamLayer | None]:
    """Return the map layer of each output by name, as far as the archive determines it.

    An output is left out if a shape that matters is unknown. None means that no layer gives maps.
    """
    if not list_layers(config):
        return {}
    names = [label or layer for label, (layer, _, _) in list_ends(config, "output_layers")]
    names = names or [get_name(list_layers(config)[-1])]
    map_layers = {}
    for index, name in enumerate(names):
        upstream = list(_walk_upstream(config, {index}, UpstreamLayer("", "", None, is_last=True)))
        layer = find_map_layer(upstream)
        if _is_sure(upstream, layer):
            map_layers[name] = layer
    return map_layers


def _is_sure(layers: Sequence[UpstreamLayer], layer: UpstreamLayer | None) -> bool:
    """Return whether no layer of unknown shape after `layer` may give maps."""
    if layer and layer.calls != layer.total_calls:
        return False  # only a run shows which of its calls it is
    later = layers[layers.index(layer) + 1 :] if layer else layers
    others = [other.shape for other in later if not other.is_last and other.kind not in NO_MAPS]
    if layer and layer.shape is None:
        return all(shape is not None and len(shape) == 1 for shape in others)
    return None not in others


def _walk_upstream(
    config: Mapping[str, Any], outputs: set[int], parent: UpstreamLayer
) -> Iterator[UpstreamLayer]:
    """Yield the layers upstream of the given outputs of a model, which is the layer `parent`."""
    graph, prefix = build_graph(config), f"{parent.path}/" if parent.path else ""
    last = {graph.outputs[index] for index in outputs if index < len(graph.outputs)}
    used = _find_used_calls(graph, last)
    shapes = infer_output_shapes(config)
    last_results = {result[:2] for result in last}
    for node in list_layers(config):
        own_calls = [(call, taken) for call, taken in used if call.node is node]
        if not own_calls:
            if node.get("class_name") == "InputLayer":
                name = get_name(node)
                yield UpstreamLayer(prefix + name, "InputLayer", shapes.get(name))
            continue
        at_end = any(call.result in last_results for call, _ in own_calls)
        shape = shapes.get(get_name(node))
        if shape is None and at_end and len(last) == 1:
            shape = parent.shape  # the surrounding model has the same output
        layer = UpstreamLayer(
            prefix + get_name(node),
            _format_class(node),
            shape,
            parent.calls * len(own_calls),
            parent.is_last and at_end,
            parent.total_calls * max(len(node.get("inbound_nodes") or [0]), 1),
        )
        yield layer
        if list_layers(node):
            yield from _walk_upstream(
                node, {index for _, taken in own_calls for index in taken}, layer
            )


def _format_class(node: Mapping[str, Any]) -> str:
    kind, inner = str(node.get("class_name")), get_setting(node, "layer")
    if kind in WRAPPERS and isinstance(inner, Mapping):
        return format_wrapper_class(kind, _format_class(inner))
    return kind


def _find_used_calls(graph: Graph, last: set[Tensor]) -> list[tuple[Call, set[int]]]:
    """Return the calls that the tensors `last` depend on, and the indices of their used outputs."""
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
    return [(by_result[result], indices) for result, indices in taken.items()]
