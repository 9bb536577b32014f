"""How much work a model is, as far as its file tells: what the choice of a mode follows from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import layers, name_of, setting
from inputgrad_cli.modelfile.layer_shapes import output_shapes
from inputgrad_cli.modelfile.memory_limits import fewest_weights, last_axis

OPEN_AXIS = 224  # taken for an axis of any length
RECURRENT = {"LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
WRAPPERS = ("Bidirectional", "TimeDistributed")


@dataclass(frozen=True)
class Workload:
    """What a pass over one sample takes.

    `layers` is the number of layers that are called, `loops` that of recurrent layers among them,
    `steps` how many steps these take in all. `multiplications` and `activations` count one sample:
    products of weights, and numbers that layers give. `weights` is what the model holds.
    """

    layers: int
    loops: int = 0
    steps: int = 0
    multiplications: int = 0
    activations: int = 0
    weights: int = 0


@reads_config
def estimate_workload(
    config: Mapping[str, Any], inputs: Sequence[Shape | None], weights: int
) -> Workload:
    """Return the work of a model; `inputs` are its input shapes, `weights` the numbers it holds.

    A model of the user's own class writes down neither layers nor shapes: its weights are then
    taken to be used at every place of the input, shrunk as a convolutional network shrinks it.
    """
    parts = list(_parts(config))
    given = sum(count_numbers([shape]) for shape in inputs)
    if not parts:
        places = max(1, given // SHRUNK)
        return Workload(UNKNOWN_LAYERS, 0, 0, weights * places, UNKNOWN_LAYERS * given, weights)
    length = max((_axis(shape[0]) for shape in inputs if shape), default=1)
    loops = sum(part.loops for part in parts)
    return Workload(
        layers=sum(part.calls for part in parts),
        loops=loops,
        steps=loops * length,
        multiplications=sum(part.weights * part.places for part in parts),
        activations=sum(part.numbers for part in parts),
        weights=max(weights, sum(part.weights for part in parts)),
    )


SHRUNK = 300  # numbers of the input to one place where all weights are used, as in ResNet50
UNKNOWN_LAYERS = 50


@dataclass(frozen=True)
class _Part:
    """One layer: how often it is called, its weights, at how many places they multiply."""

    calls: int
    loops: int
    weights: int
    places: int
    numbers: int


def _parts(config: Mapping[str, Any], calls: int = 1) -> Iterator[_Part]:
    shapes = output_shapes(config) if layers(config) else {}
    width: int | None = None
    for node in layers(config):
        often = calls * max(1, len(node.get("inbound_nodes") or ()))
        if layers(node):
            yield from _parts(node, often)
        else:
            yield _part(node, often, width, shapes.get(name_of(node)))
        width = last_axis(node, width)


def _part(node: Mapping[str, Any], calls: int, width: int | None, shape: Shape | None) -> _Part:
    shape = shape or _convolved(node)
    loops = sum(kind in RECURRENT for kind in _kinds(node))
    if node.get("class_name") == "Bidirectional":
        loops *= 2
    numbers = count_numbers([shape]) if shape else 1
    channels = _axis(shape[-1]) if shape else 1
    weights = sum(fewest_weights(part, width) for part in (node, *_inner(node)))
    return _Part(calls, calls * loops, weights, calls * numbers // channels, calls * numbers)


def _convolved(node: Mapping[str, Any]) -> Shape | None:
    """Return about what a convolution gives, by the shape that it was built with."""
    built = setting({"config": node.get("build_config")}, "input_shape")
    strides, filters = setting(node, "strides"), setting(node, "filters")
    if (
        not isinstance(built, list)
        or not isinstance(strides, list)
        or len(strides) + 2 != len(built)
    ):
        return None
    sides = [_axis(side) for side in built[1:-1]]
    width = filters if isinstance(filters, int) else _axis(built[-1])
    return (
        *(-(-side // max(1, stride)) for side, stride in zip(sides, strides, strict=True)),
        width,
    )


def _kinds(node: Mapping[str, Any]) -> list[str]:
    return [str(part.get("class_name")) for part in (node, *_inner(node))]


def _inner(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the layer inside a wrapper."""
    inner = setting(node, "layer") if node.get("class_name") in WRAPPERS else None
    return [inner] if isinstance(inner, Mapping) else []


def count_numbers(shapes: Sequence[Shape | None]) -> int:
    """Return how many numbers arrays of these shapes hold; an open axis is taken for 224."""
    return sum(math.prod(map(_axis, shape or ())) for shape in shapes)


def _axis(length: int | None) -> int:
    return OPEN_AXIS if length is None else length
