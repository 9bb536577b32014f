"""Which preprocessing a model's pictures need, as far as its archive tells.

`raw` where something but augmentation, cropping, resizing or padding stands between the input and
the first layer with weights (or the known backbone); else the backbone's own; else unknown.
"""

from __future__ import annotations

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
FAMILIES = (
    ("mobilenetv3", "raw"), ("efficientnet", "raw"), ("convnext", "raw"),
    ("mobilenet", "tf"), ("inception", "tf"), ("xception", "tf"), ("nasnet", "tf"),
    ("resnet50v2", "tf"), ("resnet101v2", "tf"), ("resnet152v2", "tf"),
    ("resnet", "caffe"), ("vgg16", "caffe"), ("vgg19", "caffe"), ("densenet", "torch"),
)  # fmt: skip


@reads_config
def find_preprocessing(config: Mapping[str, Any]) -> Preprocess | None:
    """Return the preprocessing that pictures need before they enter, None where nothing tells."""
    if family := _family(config):
        return family
    for node in _from_the_input(config):
        name = str(node.get("class_name"))
        if name in PASSING or name.startswith("Random"):
            continue
        if name in SCALING or str(node.get("module", "")).startswith("keras.src.ops"):
            return known("raw", f"model:{name}")
        if layers(node):
            return find_preprocessing(node)
        return None
    return None


def _family(config: Mapping[str, Any]) -> Preprocess | None:
    written = name_of(config).lower().replace("_", "").replace("-", "")
    for prefix, name in FAMILIES:
        if written.startswith(prefix):
            return known(name, f"backbone:{name_of(config)}")
    return None


def _from_the_input(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the layers that follow one another from the input, as long as there is one way on."""
    nodes = layers(config)
    if "input_layers" not in config["config"]:
        yield from nodes
        return
    inputs = [node for node in nodes if node.get("class_name") == "InputLayer"]
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
