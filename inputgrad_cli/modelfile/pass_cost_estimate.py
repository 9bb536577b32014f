"""Estimates the work of one pass from a model's file, to choose how the model is run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import get_name, get_setting, list_layers
from inputgrad_cli.modelfile.inferred_layer_shapes import infer_output_shapes
from inputgrad_cli.modelfile.memory_limits import count_min_weights, infer_last_axis

ASSUMED_AXIS_LENGTH = 224  # of an axis of unknown length
RECURRENT = {"LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
WRAPPERS = ("Bidirectional", "TimeDistributed")


@dataclass(frozen=True)
class Workload:
    """The work of a pass over one sample.

    `layers` is the number of layer calls, `loops` the number of recurrent layers among them, and
    `steps` their time steps in total. `multiplications` counts products with weights, `activations`
    the numbers that layers return, `weights` the numbers that the model holds.
    """

    layers: int
    loops: int = 0
    steps: int = 0
    multiplications: int = 0
    activations: int = 0
    weights: int = 0


@convert_config_errors
def estimate_workload(
    config: Mapping[str, Any], inputs: Sequence[Shape | None], weights: int
) -> Workload:
    """Return the work of a model; `inputs` are its input shapes, `weights` its number of weights.

    A model of a custom class lists neither layers nor shapes. Its weights are then assumed to be
    used at every position of the input, after it shrinks as in a convolutional network.
    """
    layer_work = list(_measure_layers(config))
    input_size = sum(count_elements([shape]) for shape in inputs)
    if not layer_work:
        positions = max(1, input_size // INPUTS_PER_POSITION)
        return Workload(
            ASSUMED_LAYERS, 0, 0, weights * positions, ASSUMED_LAYERS * input_size, weights
        )
    length = max((_assume_length(shape[0]) for shape in inputs if shape), default=1)
    loops = sum(layer.loops for layer in layer_work)
    return Workload(
        layers=sum(layer.calls for layer in layer_work),
        loops=loops,
        steps=loops * length,
        multiplications=sum(layer.weights * layer.positions for layer in layer_work),
        activations=sum(layer.elements for layer in layer_work),
        weights=max(weights, sum(layer.weights for layer in layer_work)),
    )


# In ResNet50 all weights are used at one position per 300 numbers of the input.
INPUTS_PER_POSITION = 300
ASSUMED_LAYERS = 50  # of a model that lists none


@dataclass(frozen=True)
class _LayerWork:
    """The work of one layer, summed over its calls except for `weights`.

    `positions` counts where the weights multiply, `elements` the numbers that the layer returns.
    """

    calls: int
    loops: int
    weights: int
    positions: int
    elements: int


def _measure_layers(config: Mapping[str, Any], calls: int = 1) -> Iterator[_LayerWork]:
    shapes = infer_output_shapes(config) if list_layers(config) else {}
    width: int | None = None
    for node in list_layers(config):
        total_calls = calls * max(1, len(node.get("inbound_nodes") or ()))
        if list_layers(node):
            yield from _measure_layers(node, total_calls)
        else:
            yield _measure_layer(node, total_calls, width, shapes.get(get_name(node)))
        width = infer_last_axis(node, width)


def _measure_layer(
    node: Mapping[str, Any], calls: int, width: int | None, shape: Shape | None
) -> _LayerWork:
    shape = shape or _estimate_convolution_shape(node)
    loops = sum(kind in RECURRENT for kind in _list_classes(node))
    if node.get("class_name") == "Bidirectional":
        loops *= 2  # one for each direction
    elements = count_elements([shape]) if shape else 1
    channels = max(1, _assume_length(shape[-1])) if shape else 1
    weights = sum(count_min_weights(layer, width) for layer in (node, *_list_wrapped_layers(node)))
    return _LayerWork(calls, calls * loops, weights, calls * elements // channels, calls * elements)


def _estimate_convolution_shape(node: Mapping[str, Any]) -> Shape | None:
    """Return roughly the output shape of a convolution, from its build shape."""
    built = get_setting({"config": node.get("build_config")}, "input_shape")
    strides, filters = get_setting(node, "strides"), get_setting(node, "filters")
    if (
        not isinstance(built, list)
        or not isinstance(strides, list)
        or len(strides) + 2 != len(built)
    ):
        return None
    sides = [_assume_length(side) for side in built[1:-1]]  # without batch and channels
    width = filters if isinstance(filters, int) else _assume_length(built[-1])
    return (
        *(-(-side // max(1, stride)) for side, stride in zip(sides, strides, strict=True)),
        width,
    )


def _list_classes(node: Mapping[str, Any]) -> list[str]:
    return [str(layer.get("class_name")) for layer in (node, *_list_wrapped_layers(node))]


def _list_wrapped_layers(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the layer inside a wrapper as a list, empty for other layers."""
    inner = get_setting(node, "layer") if node.get("class_name") in WRAPPERS else None
    return [inner] if isinstance(inner, Mapping) else []


def count_elements(shapes: Sequence[Shape | None]) -> int:
    """Return how many numbers arrays of these shapes hold; an unknown axis counts as 224."""
    return sum(math.prod(map(_assume_length, shape or ())) for shape in shapes)


def _assume_length(length: int | None) -> int:
    return ASSUMED_AXIS_LENGTH if length is None else length
