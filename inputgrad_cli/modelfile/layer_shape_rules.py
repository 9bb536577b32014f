"""Infers the output shape of a layer from its settings and input shapes, without the batch axis.

A layer that is not listed gives None for unknown. Nothing here is a guess, because requests are
refused on these shapes before the model is opened.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.modelfile.config_object_traversal import get_module

Settings = Mapping[str, Any]
Rule = Callable[[Settings, Sequence[Shape]], Shape | None]

SHAPE_KEEPING_LAYERS = {
    "Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "Dropout", "GaussianNoise",
    "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    "BatchNormalization", "Rescaling", "LayerNormalization", "GroupNormalization", "Normalization",
    "Identity", "UnitNormalization", "ActivityRegularization", "AlphaDropout", "RMSNormalization",
    "Masking", "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast",
    "RandomBrightness",
}  # fmt: skip
# The modules distinguish a layer from an operation of the same name.
LAYER_MODULES = ("keras.layers", "keras.src.layers")
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
CONVOLUTION = re.compile(r"(Depthwise|Separable|)Conv([123])D(Transpose|)")
POOLING = re.compile(r"(Max|Average)Pooling([123])D")
GLOBAL = re.compile(r"Global(Max|Average)Pooling([123])D")
RECURRENT = re.compile(r"ConvLSTM([123])D")
RESIZED = re.compile(r"(ZeroPadding|Cropping|UpSampling)([123])D")


def infer_shape(node: Mapping[str, Any], input_shapes: Sequence[Shape | None]) -> Shape | None:
    """Return the output shape of a Keras layer for one sample, None if unknown."""
    kind, settings = str(node.get("class_name")), node.get("config")
    shapes = [shape for shape in input_shapes if shape is not None]
    module = get_module(node)
    if not shapes or len(shapes) < len(input_shapes) or not isinstance(settings, Mapping):
        return None
    if module is not None and not module.startswith(LAYER_MODULES):
        return None
    if kind in SHAPE_KEEPING_LAYERS:
        return shapes[0]
    rule = RULES.get(kind) or _find_pattern_rule(kind)
    try:
        shape = rule(settings, shapes) if rule else None
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError):
        return None  # settings that Keras would refuse
    return shape if shape is not None and all(map(_is_side, shape)) else None


def _is_side(value: Any) -> bool:
    """Return whether a value can be the length of an axis, which None says is unknown."""
    return value is None or (type(value) is int and value >= 0)


def _find_pattern_rule(kind: str) -> Rule | None:
    """Return the rule of a layer whose class name holds the number of its axes."""
    for pattern, rule in (
        (CONVOLUTION, _infer_convolution),
        (POOLING, _infer_pooling),
        (GLOBAL, _infer_global_pooling),
    ):
        if match := pattern.fullmatch(kind):
            form, axes = match[1], int(match[2])
            transposed = pattern is CONVOLUTION and bool(match[3])
            return lambda config, shapes: rule(
                {**config, "form": form, "transposed": transposed}, shapes[0], axes
            )
    if match := RECURRENT.fullmatch(kind):
        axes = int(match[1])
        return lambda config, shapes: _infer_recurrent_convolution(config, shapes[0], axes)
    if match := RESIZED.fullmatch(kind):
        form, axes = match[1], int(match[2])
        return lambda config, shapes: _infer_resizing({**config, "form": form}, shapes[0], axes)
    return None


def _split_axes(
    config: Settings, shape: Shape, axes: int
) -> tuple[list[int | None], int | None, bool] | None:
    """Return the spatial axes, the channels, and whether the channels come first."""
    if len(shape) != axes + 1:
        return None
    if config.get("data_format") == "channels_first":
        return list(shape[1:]), shape[0], True
    return list(shape[:-1]), shape[-1], False


def _join_axes(spatial: Sequence[int | None], channels: int | None, first: bool) -> Shape:
    return (channels, *spatial) if first else (*spatial, channels)


def _expand_setting(value: Any, axes: int) -> list[Any]:
    """Return a setting for each axis; a single number stands for all."""
    return list(value) if isinstance(value, (list, tuple)) else [value] * axes


def _infer_convolution(config: Settings, shape: Shape, axes: int) -> Shape | None:
    if (parts := _split_axes(config, shape, axes)) is None:
        return None
    spatial, channels, first = parts
    if config["form"] == "Depthwise":
        filters = None if channels is None else channels * config["depth_multiplier"]
    else:
        filters = config["filters"]
    compute_length = _compute_transposed_length if config["transposed"] else _count_windows
    names = ("kernel_size", "strides", "dilation_rate", "output_padding")
    per_axis = zip(*(_expand_setting(config.get(name), axes) for name in names), strict=True)
    sizes = [
        compute_length(size, config["padding"], *values)
        for size, values in zip(spatial, per_axis, strict=True)
    ]
    return _join_axes(sizes, filters, first)


def _infer_recurrent_convolution(config: Settings, shape: Shape, axes: int) -> Shape | None:
    """Return a recurrent convolution's output shape for frames (T, ..., C), of all or the last."""
    frame = _infer_convolution({**config, "form": "", "transposed": False}, shape[1:], axes)
    if frame is None or config.get("return_state"):
        return None
    return (shape[0], *frame) if config.get("return_sequences") else frame


def _count_windows(
    size: int | None, padding: str, kernel: int, stride: int, dilation: int = 1, _: Any = None
) -> int | None:
    """Return at how many positions a window of `kernel` elements fits along an axis."""
    if size is None:
        return None
    if padding in ("same", "causal"):
        return -(-size // stride)  # rounded up
    return (size - (kernel - 1) * (dilation or 1) - 1) // stride + 1


def _compute_transposed_length(
    size: int | None, padding: str, kernel: int, stride: int, dilation: int, extra: int | None
) -> int | None:
    """Return the length of an axis after a transposed convolution."""
    if size is None:
        return None
    span = (kernel - 1) * dilation + 1  # elements that a dilated kernel covers
    if padding == "same":
        return size * stride if extra is None else (size - 1) * stride + span % 2 + extra
    return (size - 1) * stride + span + (max(span, stride) - span if extra is None else extra)


def _infer_pooling(config: Settings, shape: Shape, axes: int) -> Shape | None:
    if (parts := _split_axes(config, shape, axes)) is None:
        return None
    spatial, channels, first = parts
    kernels = _expand_setting(config["pool_size"], axes)
    strides = _expand_setting(config.get("strides") or config["pool_size"], axes)
    pairs = zip(spatial, kernels, strides, strict=True)
    sizes = [
        _count_windows(size, config["padding"], kernel, stride) for size, kernel, stride in pairs
    ]
    return _join_axes(sizes, channels, first)


def _infer_global_pooling(config: Settings, shape: Shape, axes: int) -> Shape | None:
    if (parts := _split_axes(config, shape, axes)) is None:
        return None
    spatial, channels, first = parts
    if config.get("keepdims"):
        return _join_axes([1] * len(spatial), channels, first)
    return (channels,)


def _infer_resizing(config: Settings, shape: Shape, axes: int) -> Shape | None:
    if (parts := _split_axes(config, shape, axes)) is None:
        return None
    spatial, channels, first = parts
    if config["form"] == "UpSampling":
        sizes = [
            None if n is None else n * k
            for n, k in zip(spatial, _expand_setting(config["size"], axes), strict=True)
        ]
        return _join_axes(sizes, channels, first)
    is_cropping = config["form"] == "Cropping"
    sign, edges = (-1, config.get("cropping")) if is_cropping else (1, config.get("padding"))
    # On one axis a list holds the two edges; on several, one entry for each axis.
    is_pair = axes == 1 and isinstance(edges, (list, tuple))
    pairs: list[Any] = [edges] if is_pair else _expand_setting(edges, axes)
    totals = [sum(pair) if isinstance(pair, (list, tuple)) else 2 * pair for pair in pairs]
    sizes = [None if n is None else n + sign * k for n, k in zip(spatial, totals, strict=True)]
    return _join_axes(sizes, channels, first)


def _infer_flatten(config: Settings, shapes: Sequence[Shape]) -> Shape:
    dims = [dim for dim in shapes[0] if dim is not None]
    return (math.prod(dims) if len(dims) == len(shapes[0]) else None,)


def _infer_reshape(config: Settings, shapes: Sequence[Shape]) -> Shape | None:
    target = list(config["target_shape"])
    if -1 not in target:
        return tuple(target)
    dims = [dim for dim in shapes[0] if dim is not None]
    # The axis of length -1 takes all elements that the other axes do not.
    others = math.prod(dim for dim in target if dim != -1)
    is_known = len(dims) == len(shapes[0]) and others > 0
    rest = math.prod(dims) // others if is_known else None
    return tuple(rest if dim == -1 else dim for dim in target)


def _infer_concatenate(config: Settings, shapes: Sequence[Shape]) -> Shape | None:
    axis, rank = config.get("axis", -1), len(shapes[0])
    axis = axis + rank if axis < 0 else axis - 1  # Keras counts the batch axis too
    if not 0 <= axis < rank or any(len(shape) != rank for shape in shapes):
        return None
    dims = [shape[axis] for shape in shapes]
    total = None if None in dims else sum(dim for dim in dims if dim is not None)
    return tuple(total if i == axis else dim for i, dim in enumerate(shapes[0]))


def _infer_merge(config: Settings, shapes: Sequence[Shape]) -> Shape | None:
    return shapes[0] if len(set(shapes)) == 1 else None


def _infer_recurrent(config: Settings, shapes: Sequence[Shape]) -> Shape | None:
    if len(shapes) > 1 or len(shapes[0]) != 2 or config.get("return_state"):
        return None
    return (shapes[0][0], config["units"]) if config.get("return_sequences") else (config["units"],)


def _infer_bidirectional(config: Settings, shapes: Sequence[Shape]) -> Shape | None:
    shape = infer_shape(config["layer"], shapes)
    if shape is None or config.get("merge_mode") is None:
        return None
    features = shape[-1]
    if config["merge_mode"] == "concat" and features is not None:
        return (*shape[:-1], 2 * features)  # features of both directions side by side
    return shape  # other modes combine the directions element by element


def _infer_time_distributed(config: Settings, shapes: Sequence[Shape]) -> Shape | None:
    inner = infer_shape(config["layer"], [shapes[0][1:]]) if len(shapes[0]) > 1 else None
    return None if inner is None else (shapes[0][0], *inner)


def _infer_image_size(config: Settings, shapes: Sequence[Shape]) -> Shape | None:
    if (parts := _split_axes(config, shapes[0], 2)) is None:
        return None
    return _join_axes([config["height"], config["width"]], parts[1], parts[2])


RULES: dict[str, Rule] = {
    "Dense": lambda config, shapes: (*shapes[0][:-1], config["units"]),
    "Embedding": lambda config, shapes: (*shapes[0], config["output_dim"]),
    "Flatten": _infer_flatten,
    "Reshape": _infer_reshape,
    "Permute": lambda config, shapes: tuple(shapes[0][i - 1] for i in config["dims"]),
    "RepeatVector": lambda config, shapes: (config["n"], *shapes[0]),
    "Concatenate": _infer_concatenate,
    "Resizing": _infer_image_size,
    "CenterCrop": _infer_image_size,
    "Bidirectional": _infer_bidirectional,
    "TimeDistributed": _infer_time_distributed,
    **dict.fromkeys(MERGES, _infer_merge),
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), _infer_recurrent),
}
