"""Finds what the layers and operations of a configuration do to pixel values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inputgrad_cli.data.preprocessing import LinearMap
from inputgrad_cli.modelfile.allowed_config_names import LAYERS, is_keras_class, split_words
from inputgrad_cli.modelfile.config_object_traversal import get_module, get_setting, list_layers
from inputgrad_cli.modelfile.layer_graph import Call, is_reference

# Layers that move, choose, repeat, blur or drop values, but keep their range.
KEEPING_LAYERS = split_words(
    """
    InputLayer Resizing CenterCrop AutoContrast RandAugment AugMix CutMix MixUp Equalization
    Solarization ContrastLimitedAdaptiveHistogramEqualization MaxNumBoundingBoxes Identity
    ActivityRegularization Masking Permute Reshape Flatten RepeatVector Concatenate Average Maximum
    Minimum ReLU LeakyReLU RandomWidth RandomHeight
    """
)
KEEPING_KINDS = ("ZeroPadding", "Cropping", "UpSampling", "Dropout", "Noise", "Pool")
SCALING_LAYERS = split_words("Rescaling Normalization UnitNormalization Softmax ELU")
MERGING_LAYERS = split_words("Add Subtract Multiply Dot")
PIECEWISE_LINEAR = ("linear", "relu", None)  # activations that keep positive values
# Names of operations of Keras 3 and TensorFlow, in small letters and without `_`.
KEEPING_OPERATIONS = split_words(
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
ARITHMETIC = split_words(
    """
    add subtract multiply divide truedivide truediv divnonan dividenonan floordivide floordiv mod
    remainder negative power pow square sqrt rsqrt log log1p log2 log10 exp expm1 tanh sigmoid abs
    absolute sign reciprocal normalize std var reducestd perimagestandardization softmax
    """
)
LEGACY = ("TFOpLambda", "SlicingOpLambda")


@dataclass(frozen=True)
class Effect:
    """What a layer does to pixels; `linear_map` is None if it is unknown or not linear.

    `weights` means that the search ends at a layer with weights, `opaque` that only running the
    layer shows what it does.
    """

    kind: Literal["keeps", "scales", "weights", "opaque"]
    linear_map: LinearMap | None = None


KEEPS, WEIGHTS, OPAQUE = Effect("keeps"), Effect("weights"), Effect("opaque")


def find_effect(
    node: Mapping[str, Any], call: Call, learned: Sequence[Sequence[float]] = ()
) -> Effect:
    """Return what one call of a layer or of an operation does to pixels.

    `learned` are the values that the file holds for the layer, if they are few.
    """
    name = str(node.get("class_name"))
    if name in LEGACY or str(get_module(node)).startswith("keras.src.ops."):
        return _find_operation_effect(_normalize_operation_name(node, name), call)
    if not is_keras_class(name, get_module(node)) or name not in LAYERS:
        return OPAQUE
    if name == "Activation":
        return KEEPS if get_setting(node, "activation") in PIECEWISE_LINEAR else Effect("scales")
    if name in SCALING_LAYERS:
        return Effect("scales", _find_linear_map(node, name, learned))
    if name in MERGING_LAYERS:
        return Effect("scales")
    keeps = name in KEEPING_LAYERS or name.startswith("Random")
    return KEEPS if keeps or any(kind in name for kind in KEEPING_KINDS) else WEIGHTS


def _normalize_operation_name(node: Mapping[str, Any], name: str) -> str:
    """Return the name of an operation in one spelling for Keras and TensorFlow."""
    if name == "SlicingOpLambda":
        return "getitem"
    written = str(get_setting(node, "function")) if name == "TFOpLambda" else name
    return written.rpartition(".")[2].replace("_", "").lower()


def _find_operation_effect(name: str, call: Call) -> Effect:
    if name in KEEPING_OPERATIONS:
        return KEEPS
    return Effect("scales", _find_arithmetic_map(name, call)) if name in ARITHMETIC else OPAQUE


def _find_linear_map(
    node: Mapping[str, Any], name: str, learned: Sequence[Sequence[float]]
) -> LinearMap | None:
    if name == "Rescaling":
        scale = _to_number(get_setting(node, "scale"))
        offset = _to_number(get_setting(node, "offset"))
        return None if scale is None else LinearMap(scale, offset or 0.0)
    mean = _to_number(get_setting(node, "mean"))
    variance = _to_number(get_setting(node, "variance"))
    if mean is None and len(learned) > 1:  # adapted to data: mean, variance, and their count
        mean, variance = (_to_number(list(numbers)) for numbers in learned[:2])
    if name != "Normalization" or mean is None or not variance or get_setting(node, "invert"):
        return None
    deviation = max(variance, 0.0) ** 0.5
    return LinearMap(1 / deviation, -mean / deviation) if deviation else None


def _find_arithmetic_map(name: str, call: Call) -> LinearMap | None:
    """Return the linear map of an operation on pixels and one constant, None if not linear."""
    operands = _list_operands(call.arguments)
    if name == "negative":
        return LinearMap(-1.0, 0.0)
    if len(operands) != 2 or len(call.tensors) != 1:
        return None
    pixels_first = _to_number(operands[0]) is None
    constant = _to_number(operands[1] if pixels_first else operands[0])
    if constant is None:
        return None
    if name == "add":
        return LinearMap(1.0, constant)
    if name == "multiply":
        return LinearMap(constant, 0.0)
    if name == "subtract":
        return LinearMap(1.0, -constant) if pixels_first else LinearMap(-1.0, constant)
    divides = name in ("divide", "truedivide", "truediv", "dividenonan", "divnonan")
    return LinearMap(1 / constant, 0.0) if divides and pixels_first and constant else None


def _list_operands(arguments: Any) -> list[Any]:
    """Return the arguments of an operation, as Keras 3 or Keras 2 writes them."""
    if isinstance(arguments, Mapping):
        named = arguments.get("kwargs") or {}
        return [*(arguments.get("args") or []), *(named[key] for key in sorted(named))]
    if isinstance(arguments, list) and len(arguments) == 1:
        arguments = arguments[0]
    if is_reference(arguments):
        named = arguments[3] if len(arguments) > 3 else {}
        return [arguments[:3], *(value for key, value in named.items() if key != "name")]
    return []


def _to_number(value: Any) -> float | None:
    """Return a constant as one number, the mean of several; None if it is not a constant."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, Mapping) and value.get("class_name") in ("__tensor__", "__numpy__"):
        return _to_number(get_setting(value, "value"))
    if not isinstance(value, list) or not value or is_reference(value):
        return None
    numbers = [_to_number(part) for part in value]
    constants = [n for n in numbers if n is not None]
    return sum(constants) / len(constants) if len(constants) == len(numbers) else None


def list_inner_layers(node: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the layers of an inner model or of a Pipeline; an empty list for any other layer."""
    name, module = str(node.get("class_name")), get_module(node)
    is_known = is_keras_class(name, module) or "input_layers" in node["config"]
    return list_layers(node) if is_known else []
