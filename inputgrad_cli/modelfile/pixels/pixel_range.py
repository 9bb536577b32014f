"""What is seen of how a model takes pixels, in words where it is a guess; and known backbones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from inputgrad_cli.data.preprocessing import ASSUMED, Preprocess, known

# The names that keras.applications gives its models, and a layer that each of them has: somebody's
# own network may be called resnet, but hardly so and with such a layer.
FAMILIES = (
    (r"mobilenet(v2)?_[\d.]+_(\d+|None)|MobileNetV3(Small|Large)", "tf"),
    (r"inception_v3|inception_resnet_v2|xception|NASNet|resnet(50|101|152)v2", "tf"),
    (r"resnet(50|101|152)|vgg1[69]", "caffe"),
    (r"densenet(121|169|201)", "torch"),
)
MARKS = {
    "conv1", "Conv1", "conv1_pad", "conv1_conv", "block1_conv1", "mixed0", "conv_7b", "stem_conv1",
    "expanded_conv_depthwise",
}  # fmt: skip


# Of pixels 0..1 the mean lies well inside, and the variance is at most a quarter; before training
# it is 0 and 1. Of pixels 0..255 both are far above.
FAINT, FAINT_VARIANCE, STRONG = 0.05, 0.3, 10


@dataclass(frozen=True)
class Sight:
    """What was seen on the way of pixels to the first weights.

    `doubt` says in words why the choice is an assumption, and names the layer that was looked at.
    `opaque` says that a layer could tell by computing, once the model is open.
    """

    preprocess: Preprocess
    doubt: str = ""
    opaque: bool = False


def assumed(doubt: str, opaque: bool = False) -> Sight:
    """Return the sight of a model that does not tell: pixels 0..1, for the reason in `doubt`."""
    return Sight(known("unit", ASSUMED), doubt, opaque)


def untold(looked: str) -> str:
    """Return the doubt where a layer was looked at that takes pixels as they come."""
    return f"nothing in the model tells how it takes pixels: {looked}; 0..1 is assumed"


def unwritten(looked: str) -> str:
    """Return the doubt where only the opened model can tell what a layer does."""
    return f"{looked} is not written in the file; the opened model tells"


def made_for_unit(looked: str) -> str:
    """Return the doubt where a layer scales pixels as those of 0..1 need it."""
    return f"{looked} scales pixels as those of 0..1 need it, so 0..1 is assumed"


def normalized(looked: str, mean: float, variance: float) -> Sight | None:
    """Return what the moving statistics of a batch normalization of pixels tell, None: nothing."""
    if FAINT < mean <= 1 and variance < FAINT_VARIANCE:
        name, span = "unit", "0..1"
    elif mean > STRONG and variance > STRONG**2:
        name, span = "raw", "0..255"
    else:
        return None
    doubt = f"{looked} has a moving mean of {mean:.3g}, as of pixels {span}, which are assumed"
    return Sight(known(name, ASSUMED), doubt)


def family_of(name: str, inner: Iterable[str]) -> Preprocess | None:
    """Return what a backbone of keras.applications needs, by its name and those of its layers."""
    if MARKS.isdisjoint(inner):
        return None
    for pattern, choice in FAMILIES:
        if re.fullmatch(pattern, name):
            return known(choice, f"backbone:{name}")
    return None
