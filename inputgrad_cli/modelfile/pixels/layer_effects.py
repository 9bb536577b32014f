"""What the layers and operations of a configuration do to the values of pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inputgrad_cli.data.preprocessing import Line
from inputgrad_cli.modelfile.allow_list import LAYERS, is_keras_class
from inputgrad_cli.modelfile.config_nodes import layers, module_of, setting
from inputgrad_cli.modelfile.graph import Call, is_reference


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Layers that move, choose, repeat, blur or drop values, and give them in the range they came in.
KEEPING_LAYERS = _words(
    """
    InputLayer Resizing CenterCrop AutoContrast RandAugment AugMix CutMix MixUp Equalization
    Solarization ContrastLimitedAdaptiveHistogramEqualization MaxNumBoundingBoxes Identity
    ActivityRegularization Masking Permute Reshape Flatten RepeatVector Concatenate Average Maximum
    Minimum ReLU LeakyReLU RandomWidth RandomHeight
    """
)
KEEPING_KINDS = ("ZeroPadding", "Cropping", "UpSampling", "Dropout", "Noise", "Pool")
SCALING_LAYERS = _words("Rescaling Normalization UnitNormalization Softmax ELU")
MERGING_LAYERS = _words("Add Subtract Multiply Dot")
STRAIGHT = ("linear", "relu", None)  # activations that keep what is above zero
# Operations, their names in small letters without `_`, as Keras 3 and TensorFlow call them.
KEEPING_OPERATIONS = _words(
    """
    getitem stack concatenate concat transpose reshape flip flipud fliplr reverse pad expanddims
    squeeze cast resize moveaxis swapaxes split unstack take takealongaxis repeat tile roll rot90
    slice stridedslice copy identity stopgradient ravel broadcastto clip clipbyvalue affinetransform
    cropimages padimages rgbtograyscale perspectivetransform mapcoordinates gaussianblur
    elastictransform scaleandtranslate extractpatches relu maxpool averagepool adaptivemaxpool
    adaptiveaveragepool max min mean amax amin average median nantonum round vstack hstack dstack
    convertimagedtype converttotensor flipleftright flipupdown randomflipleftright
    randomflipupdown croptoboundingbox padtoboundingbox resizewithpad resizewithcroporpad
    """
)
ARITHMETIC = _words(
    """
    add subtract multiply divide truedivide truediv divnonan dividenonan floordivide floordiv mod
    remainder negative power pow square sqrt rsqrt log log1p log2 log10 exp expm1 tanh sigmoid abs
    absolute sign reciprocal normalize std var reducestd perimagestandardization softmax
    """
)
LEGACY = ("TFOpLambda", "SlicingOpLambda")


@dataclass(frozen=True)
class Effect:
    """What a layer does to pixels: `line` is how it scales them, None where it cannot be written.

    `weights`: they end here. `opaque`: only the layer itself can tell, by computing.
    """

    kind: Literal["keeps", "scales", "weights", "opaque"]
    line: Line | None = None


KEEPS, WEIGHTS, OPAQUE = Effect("keeps"), Effect("weights"), Effect("opaque")


def effect_of(
    node: Mapping[str, Any], call: Call, learned: Sequence[Sequence[float]] = ()
) -> Effect:
    """Return what one call of a layer, or of an operation, does to pixels.

    `learned` are the numbers that the file holds for the layer, where they are few.
    """
    name = str(node.get("class_name"))
    if name in LEGACY or str(module_of(node)).startswith("keras.src.ops."):
        return _operation(_plain(node, name), call)
    if not is_keras_class(name, module_of(node)) or name not in LAYERS:
        return OPAQUE
    if name == "Activation":
        return KEEPS if setting(node, "activation") in STRAIGHT else Effect("scales")
    if name in SCALING_LAYERS:
        return Effect("scales", _line_of(node, name, learned))
    if name in MERGING_LAYERS:
        return Effect("scales")
    keeps = name in KEEPING_LAYERS or name.startswith("Random")
    return KEEPS if keeps or any(kind in name for kind in KEEPING_KINDS) else WEIGHTS


def _plain(node: Mapping[str, Any], name: str) -> str:
    """Return the name of an operation, the same for Keras and for TensorFlow."""
    if name == "SlicingOpLambda":
        return "getitem"
    written = str(setting(node, "function")) if name == "TFOpLambda" else name
    return written.rpartition(".")[2].replace("_", "").lower()


def _operation(name: str, call: Call) -> Effect:
    if name in KEEPING_OPERATIONS:
        return KEEPS
    return Effect("scales", _arithmetic(name, call)) if name in ARITHMETIC else OPAQUE


def _line_of(node: Mapping[str, Any], name: str, learned: Sequence[Sequence[float]]) -> Line | None:
    if name == "Rescaling":
        scale, offset = _number(setting(node, "scale")), _number(setting(node, "offset"))
        return None if scale is None else Line(scale, offset or 0.0)
    mean, variance = _number(setting(node, "mean")), _number(setting(node, "variance"))
    if mean is None and len(learned) > 1:  # adapted to data: mean, variance and their number
        mean, variance = (_number(list(numbers)) for numbers in learned[:2])
    if name != "Normalization" or mean is None or not variance or setting(node, "invert"):
        return None
    deviation = max(variance, 0.0) ** 0.5
    return Line(1 / deviation, -mean / deviation) if deviation else None


def _arithmetic(name: str, call: Call) -> Line | None:
    """Return what an operation on the pixels and one constant does; None where it is no line."""
    operands = _operands(call.arguments)
    if name == "negative":
        return Line(-1.0, 0.0)
    if len(operands) != 2 or len(call.tensors) != 1:
        return None
    pixels_first = _number(operands[0]) is None
    constant = _number(operands[1] if pixels_first else operands[0])
    if constant is None:
        return None
    if name == "add":
        return Line(1.0, constant)
    if name == "multiply":
        return Line(constant, 0.0)
    if name == "subtract":
        return Line(1.0, -constant) if pixels_first else Line(-1.0, constant)
    divides = name in ("divide", "truedivide", "truediv", "dividenonan", "divnonan")
    return Line(1 / constant, 0.0) if divides and pixels_first and constant else None


def _operands(arguments: Any) -> list[Any]:
    """Return what an operation was called with, as Keras 3 or Keras 2 writes it."""
    if isinstance(arguments, Mapping):
        named = arguments.get("kwargs") or {}
        return [*(arguments.get("args") or []), *(named[key] for key in sorted(named))]
    if isinstance(arguments, list) and len(arguments) == 1:
        arguments = arguments[0]
    if is_reference(arguments):
        named = arguments[3] if len(arguments) > 3 else {}
        return [arguments[:3], *(value for key, value in named.items() if key != "name")]
    return []


def _number(value: Any) -> float | None:
    """Return a constant as one number, the mean where it has several; None where it is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, Mapping) and value.get("class_name") in ("__tensor__", "__numpy__"):
        return _number(setting(value, "value"))
    if not isinstance(value, list) or not value or is_reference(value):
        return None
    numbers = [_number(part) for part in value]
    known = [number for number in numbers if number is not None]
    return sum(known) / len(known) if len(known) == len(numbers) else None


def inner_models(node: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the layers of a model within the model, or of a Pipeline; none of a plain layer."""
    name, module = str(node.get("class_name")), module_of(node)
    return layers(node) if is_keras_class(name, module) or "input_layers" in node["config"] else []
