"""The shape that a layer gives, from its settings and the shapes it takes; batch axis left out.

A layer that is not listed gives None: not known. Nothing here is a guess, as calls are refused by
it before the model is opened.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.modelfile.config_nodes import module_of

Settings = Mapping[str, Any]
Rule = Callable[[Settings, Sequence[Shape]], Shape | None]

SAME = {
    "Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "Dropout", "GaussianNoise",
    "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    "BatchNormalization", "Rescaling", "LayerNormalization", "GroupNormalization", "Normalization",
    "Identity", "UnitNormalization", "ActivityRegularization", "AlphaDropout", "RMSNormalization",
    "Masking", "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast",
    "RandomBrightness",
}  # fmt: skip
HOMES = ("keras.layers", "keras.src.layers")  # an operation may have the name of a layer
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
CONVOLUTION = re.compile(r"(Depthwise|Separable|)Conv([123])D(Transpose|)")
POOLING = re.compile(r"(Max|Average)Pooling([123])D")
GLOBAL = re.compile(r"Global(Max|Average)Pooling([123])D")
RECURRENT = re.compile(r"ConvLSTM([123])D")
RESIZED = re.compile(r"(ZeroPadding|Cropping|UpSampling)([123])D")


def given_shape(node: Mapping[str, Any], taken: Sequence[Shape | None]) -> Shape | None:
    """Return the shape of what a layer of Keras's own gives for one sample, None if not known."""
    kind, settings = str(node.get("class_name")), node.get("config")
    shapes = [shape for shape in taken if shape is not None]
    home = module_of(node)
    if not shapes or len(shapes) < len(taken) or not isinstance(settings, Mapping):
        return None
    if home is not None and not home.startswith(HOMES):
        return None
    if kind in SAME:
        return shapes[0]
    rule = RULES.get(kind) or _patterned(kind)
    try:
        return rule(settings, shapes) if rule else None
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError):
        return None  # settings that Keras itself would refuse


def _patterned(kind: str) -> Rule | None:
    """Return the rule of a layer whose class is named after the number of its axes."""
    for pattern, rule in ((CONVOLUTION, _convolved), (POOLING, _pooled), (GLOBAL, _averaged)):
        if found := pattern.fullmatch(kind):
            form, axes = found[1], int(found[2])
            transposed = pattern is CONVOLUTION and bool(found[3])
            return lambda s, shapes: rule(
                {**s, "form": form, "transposed": transposed}, shapes[0], axes
            )
    if found := RECURRENT.fullmatch(kind):
        axes = int(found[1])
        return lambda s, shapes: _over_frames(s, shapes[0], axes)
    if found := RESIZED.fullmatch(kind):
        form, axes = found[1], int(found[2])
        return lambda s, shapes: _resized({**s, "form": form}, shapes[0], axes)
    return None


def _split(
    s: Settings, shape: Shape, axes: int
) -> tuple[list[int | None], int | None, bool] | None:
    """Return the spatial axes, the channels, and whether these come first."""
    if len(shape) != axes + 1:
        return None
    if s.get("data_format") == "channels_first":
        return list(shape[1:]), shape[0], True
    return list(shape[:-1]), shape[-1], False


def _joined(spatial: Sequence[int | None], channels: int | None, first: bool) -> Shape:
    return (channels, *spatial) if first else (*spatial, channels)


def _each(value: Any, axes: int) -> list[Any]:
    """Return a setting for each axis: one number stands for all."""
    return list(value) if isinstance(value, (list, tuple)) else [value] * axes


def _convolved(s: Settings, shape: Shape, axes: int) -> Shape | None:
    if (parts := _split(s, shape, axes)) is None:
        return None
    spatial, channels, first = parts
    if s["form"] == "Depthwise":
        filters = None if channels is None else channels * s["depth_multiplier"]
    else:
        filters = s["filters"]
    along = _widened if s["transposed"] else _window
    names = ("kernel_size", "strides", "dilation_rate", "output_padding")
    settings = zip(*(_each(s.get(name), axes) for name in names), strict=True)
    sizes = [along(size, s["padding"], *each) for size, each in zip(spatial, settings, strict=True)]
    return _joined(sizes, filters, first)


def _over_frames(s: Settings, shape: Shape, axes: int) -> Shape | None:
    """Return what a recurrent convolution gives for frames (T, ..., C): for each, or the last."""
    frame = _convolved({**s, "form": "", "transposed": False}, shape[1:], axes)
    if frame is None or s.get("return_state"):
        return None
    return (shape[0], *frame) if s.get("return_sequences") else frame


def _window(
    size: int | None, padding: str, kernel: int, stride: int, dilation: int = 1, _: Any = None
) -> int | None:
    """Return how many places a window of `kernel` takes along an axis."""
    if size is None:
        return None
    if padding in ("same", "causal"):
        return -(-size // stride)
    return (size - (kernel - 1) * (dilation or 1) - 1) // stride + 1


def _widened(
    size: int | None, padding: str, kernel: int, stride: int, dilation: int, extra: int | None
) -> int | None:
    """Return the length of an axis after a transposed convolution."""
    if size is None:
        return None
    span = (kernel - 1) * dilation + 1
    if padding == "same":
        return size * stride if extra is None else (size - 1) * stride + span % 2 + extra
    return (size - 1) * stride + span + (max(span, stride) - span if extra is None else extra)


def _pooled(s: Settings, shape: Shape, axes: int) -> Shape | None:
    if (parts := _split(s, shape, axes)) is None:
        return None
    spatial, channels, first = parts
    kernels = _each(s["pool_size"], axes)
    strides = _each(s.get("strides") or s["pool_size"], axes)
    pairs = zip(spatial, kernels, strides, strict=True)
    sizes = [_window(size, s["padding"], kernel, stride) for size, kernel, stride in pairs]
    return _joined(sizes, channels, first)


def _averaged(s: Settings, shape: Shape, axes: int) -> Shape | None:
    if (parts := _split(s, shape, axes)) is None:
        return None
    spatial, channels, first = parts
    return _joined([1] * len(spatial), channels, first) if s.get("keepdims") else (channels,)


def _resized(s: Settings, shape: Shape, axes: int) -> Shape | None:
    if (parts := _split(s, shape, axes)) is None:
        return None
    spatial, channels, first = parts
    if s["form"] == "UpSampling":
        sizes = [
            None if n is None else n * k
            for n, k in zip(spatial, _each(s["size"], axes), strict=True)
        ]
        return _joined(sizes, channels, first)
    sign, edges = (-1, s.get("cropping")) if s["form"] == "Cropping" else (1, s.get("padding"))
    pairs = [edges] if axes == 1 and isinstance(edges, (list, tuple)) else _each(edges, axes)
    totals = [sum(pair) if isinstance(pair, (list, tuple)) else 2 * pair for pair in pairs]
    sizes = [None if n is None else n + sign * k for n, k in zip(spatial, totals, strict=True)]
    return _joined(sizes, channels, first)


def _flat(s: Settings, shapes: Sequence[Shape]) -> Shape:
    dims = [dim for dim in shapes[0] if dim is not None]
    return (math.prod(dims) if len(dims) == len(shapes[0]) else None,)


def _reshaped(s: Settings, shapes: Sequence[Shape]) -> Shape | None:
    target = list(s["target_shape"])
    if -1 not in target:
        return tuple(target)
    dims = [dim for dim in shapes[0] if dim is not None]
    known = math.prod(dim for dim in target if dim != -1)
    whole = len(dims) == len(shapes[0]) and known > 0
    rest = math.prod(dims) // known if whole else None
    return tuple(rest if dim == -1 else dim for dim in target)


def _concatenated(s: Settings, shapes: Sequence[Shape]) -> Shape | None:
    axis, rank = s.get("axis", -1), len(shapes[0])
    axis = axis + rank if axis < 0 else axis - 1  # it is counted with the batch axis
    if not 0 <= axis < rank or any(len(shape) != rank for shape in shapes):
        return None
    dims = [shape[axis] for shape in shapes]
    total = None if None in dims else sum(dim for dim in dims if dim is not None)
    return tuple(total if i == axis else dim for i, dim in enumerate(shapes[0]))


def _merged(s: Settings, shapes: Sequence[Shape]) -> Shape | None:
    return shapes[0] if len(set(shapes)) == 1 else None


def _recurrent(s: Settings, shapes: Sequence[Shape]) -> Shape | None:
    if len(shapes) > 1 or len(shapes[0]) != 2 or s.get("return_state"):
        return None
    return (shapes[0][0], s["units"]) if s.get("return_sequences") else (s["units"],)


def _both_ways(s: Settings, shapes: Sequence[Shape]) -> Shape | None:
    one = given_shape(s["layer"], shapes)
    if one is None or s.get("merge_mode") is None:
        return None
    wide = s["merge_mode"] == "concat" and one[-1] is not None
    return (*one[:-1], 2 * one[-1]) if wide and one[-1] is not None else one


def _each_step(s: Settings, shapes: Sequence[Shape]) -> Shape | None:
    inner = given_shape(s["layer"], [shapes[0][1:]]) if len(shapes[0]) > 1 else None
    return None if inner is None else (shapes[0][0], *inner)


def _sized(s: Settings, shapes: Sequence[Shape]) -> Shape | None:
    if (parts := _split(s, shapes[0], 2)) is None:
        return None
    return _joined([s["height"], s["width"]], parts[1], parts[2])


RULES: dict[str, Rule] = {
    "Dense": lambda s, shapes: (*shapes[0][:-1], s["units"]),
    "Embedding": lambda s, shapes: (*shapes[0], s["output_dim"]),
    "Flatten": _flat,
    "Reshape": _reshaped,
    "Permute": lambda s, shapes: tuple(shapes[0][i - 1] for i in s["dims"]),
    "RepeatVector": lambda s, shapes: (s["n"], *shapes[0]),
    "Concatenate": _concatenated,
    "Resizing": _sized,
    "CenterCrop": _sized,
    "Bidirectional": _both_ways,
    "TimeDistributed": _each_step,
    **dict.fromkeys(MERGES, _merged),
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), _recurrent),
}
