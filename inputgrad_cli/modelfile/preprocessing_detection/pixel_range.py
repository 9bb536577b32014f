"""Guesses the pixel range that a model takes, from known backbones and statistics."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from inputgrad_cli.data.preprocessing import ASSUMED, Preprocess, get_preset

# The names that keras.applications gives its models. A custom network may be called resnet too, but
# is unlikely to have one of the layers below as well.
FAMILIES = (
    (r"mobilenet(v2)?_[\d.]+_(\d+|None)|MobileNetV3(Small|Large)", "tf"),
    (r"inception_v3|inception_resnet_v2|xception|NASNet|resnet(50|101|152)v2", "tf"),
    (r"resnet(50|101|152)|vgg1[69]", "caffe"),
    (r"densenet(121|169|201)", "torch"),
)
FAMILY_LAYERS = {
    "conv1", "Conv1", "conv1_pad", "conv1_conv", "block1_conv1", "mixed0", "conv_7b", "stem_conv1",
    "expanded_conv_depthwise",
}  # fmt: skip
# For pixels 0..1 the mean is well above 0 and the variance at most 1/4; an untrained layer has mean
# 0 and variance 1. For pixels 0..255 both are far larger.
MIN_UNIT_MEAN, MAX_UNIT_VARIANCE, MIN_RAW_DEVIATION = 0.05, 0.3, 10


@dataclass(frozen=True)
class PreprocessingGuess:
    """The preprocessing that a model needs, as far as its archive shows.

    `doubt` says in words why the choice is an assumption, and names the layer that led to it.
    `opaque` says that running a layer of the opened model would show more.
    """

    preprocess: Preprocess
    doubt: str = ""
    opaque: bool = False


def assume_unit(doubt: str, opaque: bool = False) -> PreprocessingGuess:
    """Return the guess of pixels 0..1 for a model without evidence, for the reason in `doubt`."""
    return PreprocessingGuess(get_preset("unit", ASSUMED), doubt, opaque)


def describe_no_evidence(evidence: str) -> str:
    """Return the doubt for a model whose first layer takes pixels unscaled."""
    return f"nothing in the model tells how it takes pixels: {evidence}; 0..1 is assumed"


def describe_opaque_layer(evidence: str) -> str:
    """Return the doubt for a layer whose effect only the opened model shows."""
    return f"{evidence} is not written in the file; the opened model tells"


def describe_unit_scaling(evidence: str) -> str:
    """Return the doubt for a layer that scales pixels as pixels 0..1 require."""
    return f"{evidence} scales pixels as those of 0..1 need it, so 0..1 is assumed"


def guess_from_statistics(evidence: str, mean: float, variance: float) -> PreprocessingGuess | None:
    """Return the guess from a batch normalization's moving statistics, None if unclear."""
    if MIN_UNIT_MEAN < mean <= 1 and variance < MAX_UNIT_VARIANCE:
        name, span = "unit", "0..1"
    elif mean > MIN_RAW_DEVIATION and variance > MIN_RAW_DEVIATION**2:
        name, span = "raw", "0..255"
    else:
        return None
    doubt = f"{evidence} has a moving mean of {mean:.3g}, as of pixels {span}, which are assumed"
    return PreprocessingGuess(get_preset(name, ASSUMED), doubt)


def find_family(name: str, inner: Iterable[str]) -> Preprocess | None:
    """Return the preprocessing of a keras.applications backbone, by its name and layer names."""
    if FAMILY_LAYERS.isdisjoint(inner):
        return None
    for pattern, choice in FAMILIES:
        if re.fullmatch(pattern, name):
            return get_preset(choice, f"backbone:{name}")
    return None
