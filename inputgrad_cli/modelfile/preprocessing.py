"""Which preprocessing a model's pictures need, as far as its archive tells.

`raw` where something but augmentation, cropping, resizing or padding stands between the input and
the first layer with weights (or the known backbone); else the backbone's own; else unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from inputgrad_cli.modelfile.malformed import reads_config
from inputgrad_cli.modelfile.nodes import layers, name_of, setting
from inputgrad_cli.preprocess import Preprocess, known

PASSING = {
    "InputLayer", "Resizing", "CenterCrop", "ZeroPadding2D", "Cropping2D", "AutoContrast",
    "RandAugment", "AugMix", "CutMix", "MixUp", "Equalization", "Solarization", "Pipeline",
    "Dropout", "GaussianNoise", "Identity",
}  # fmt: skip
SCALING = {"Rescaling", "Normalization", "BatchNormalization"}
# The names that keras.applications gives its models, and a layer that each of them has: somebody's
# own network may be called resnet, but hardly so and with such a layer.
FAMILIES = (
    (r"mobilenet(v2)?_[\d.]+_(\d+|None)", "tf"),
    (r"inception_v3|inception_resnet_v2|xception|NASNet|resnet(50|101|152)v2", "tf"),
    (r"resnet(50|101|152)|vgg1[69]", "caffe"),
    (r"densenet(121|169|201)", "torch"),
)
MARKS = {
    "conv1", "Conv1", "conv1_pad", "conv1_conv", "block1_conv1", "mixed0", "conv_7b", "stem_conv1",
}  # fmt: skip


@reads_config
def find_preprocessing(config: Mapping[str, Any]) -> Preprocess | None:
    """Return the preprocessing that pictures need before they enter, None where nothing tells.

    Of several inputs those that take pictures count; where they differ, nothing tells.
    """
    starts = _picture_inputs(config) or [None]
    found = {_found(config, start) for start in starts}
    return found.pop() if len(found) == 1 else None


def _picture_inputs(config: Mapping[str, Any]) -> list[str | None]:
    """Return the names of the InputLayers of a graph of several inputs that take pictures."""
    inputs = [node for node in layers(config) if node.get("class_name") == "InputLayer"]
    if len(inputs) < 2 or "input_layers" not in config["config"]:
        return []
    shapes = {name_of(node): setting(node, "batch_shape") for node in inputs}
    return [name for name, shape in shapes.items() if isinstance(shape, list) and len(shape) == 4]


def _found(config: Mapping[str, Any], start: str | None) -> Preprocess | None:
    for node in _from_the_input(config, start):
        name = str(node.get("class_name"))
        if name in PASSING or name.startswith("Random"):
            continue
        if name in SCALING or str(node.get("module", "")).startswith("keras.src.ops"):
            return known("raw", f"model:{name}")
        if layers(node):
            return find_preprocessing(node)
        return _family(config)
    return None


def _family(config: Mapping[str, Any]) -> Preprocess | None:
    written = name_of(config)
    if MARKS.isdisjoint(name_of(node) for node in layers(config)):
        return None
    for pattern, name in FAMILIES:
        if re.fullmatch(pattern, written):
            return known(name, f"backbone:{written}")
    return None


def _from_the_input(config: Mapping[str, Any], start: str | None) -> Iterator[Mapping[str, Any]]:
    """Yield the layers that follow one another from the input called `start`, or from the only one.

    Where the ways part, the first is taken.
    """
    nodes = layers(config)
    if "input_layers" not in config["config"]:
        yield from nodes
        return
    inputs = [node for node in nodes if node.get("class_name") == "InputLayer"]
    inputs = [node for node in inputs if start in (None, name_of(node))]
    if len(inputs) != 1:
        return
    current = inputs[0]
    for _ in nodes:  # at most once each: a graph may be drawn as a circle
        yield current
        following = [node for node in nodes if name_of(current) in set(_sources(node))]
        if not following:
            return
        current = following[0]


def _sources(node: Mapping[str, Any]) -> Iterator[str]:
    stack = [node.get("inbound_nodes")]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            history = setting(item, "keras_history")
            if isinstance(history, list) and history:
                yield str(history[0])
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
