"""What common layers give, from their settings and the shape that goes in, batch axis left out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inputgrad_cli.modelfile.nodes import setting
from inputgrad_cli.signature import Shape

Node = Mapping[str, Any]
Rule = Callable[[Node, Shape], Shape]

SAME = {
    "Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "Dropout", "GaussianNoise",
    "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Identity",
    "BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization",
    "Normalization", "Rescaling", "ActivityRegularization", "AlphaDropout", "RandomFlip",
    "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
    "Masking",
}  # fmt: skip
ALIKE = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"}
SPATIAL = re.compile(r"(\w+?)([123])D(Transpose)?")


def given_shape(node: Node, shapes: Sequence[Shape]) -> Shape | None:
    """Return the shape that a layer gives for inputs of these shapes, None where no rule tells."""
    kind = str(node.get("class_name"))
    if kind == "Concatenate":
        return _joined(node, shapes)
    if kind in ALIKE and len(set(shapes)) == 1:
        return shapes[0]
    if len(shapes) != 1:
        return None
    if kind in SAME:
        return shapes[0]
    try:
        if rule := RULES.get(kind):
            return rule(node, shapes[0])
        return _spatial(kind, node, shapes[0])
    except (TypeError, ValueError, IndexError, ZeroDivisionError, AttributeError):
        return None  # settings that Keras itself would refuse


def _spatial(kind: str, node: Node, shape: Shape) -> Shape | None:
    """Return what a layer of lines, planes or volumes gives; channels last alone."""
    match = SPATIAL.fullmatch(kind)
    if not match or setting(node, "data_format") == "channels_first":
        return None
    name, axes = match[1], int(match[2])
    places, channels = shape[:axes], shape[axes]
    if len(shape) != axes + 1:
        return None
    if name in ("GlobalAveragePooling", "GlobalMaxPooling"):
        return (*[1] * axes, channels) if setting(node, "keepdims") else (channels,)
    if name in ("ZeroPadding", "Cropping"):
        sign = 1 if name == "ZeroPadding" else -1
        edge = setting(node, "padding" if sign > 0 else "cropping")
        pairs = [edge] if axes == 1 else edge
        return (*(_plus(n, sign * _both(p)) for n, p in zip(places, pairs, strict=True)), channels)
    if name == "UpSampling":
        times = _each(setting(node, "size"), axes)
        return (*(n and n * t for n, t in zip(places, times, strict=True)), channels)
    window = _each(setting(node, "pool_size" if "Pooling" in name else "kernel_size"), axes)
    steps = _each(setting(node, "strides") or window, axes)
    wide = _each(setting(node, "dilation_rate") or 1, axes)
    padding = setting(node, "padding")
    if match[3]:
        if padding not in ("same", "valid") or setting(node, "output_padding") is not None:
            return None
        more = [
            max(w - s, 0) if padding == "valid" else 0 for w, s in zip(window, steps, strict=True)
        ]
        found = [n and n * s + m for n, s, m in zip(places, steps, more, strict=True)]
    else:
        spans = [
            d * (w - 1) if padding == "valid" else 0 for w, d in zip(window, wide, strict=True)
        ]
        found = [
            n and math.ceil((n - span) / s) for n, span, s in zip(places, spans, steps, strict=True)
        ]
    return (*found, _channels(name, node, channels))


def _channels(name: str, node: Node, channels: int | None) -> int | None:
    if "Pooling" in name:
        return channels
    if name == "DepthwiseConv":
        return channels and channels * int(setting(node, "depth_multiplier"))
    return int(setting(node, "filters"))


def _joined(node: Node, shapes: Sequence[Shape]) -> Shape | None:
    axis = setting(node, "axis")
    if not shapes or not isinstance(axis, int) or len({len(shape) for shape in shapes}) > 1:
        return None
    place = axis - 1 if axis > 0 else len(shapes[0]) + axis
    along = [shape[place] for shape in shapes]
    total = None if None in along else sum(dim or 0 for dim in along)
    return (*shapes[0][:place], total, *shapes[0][place + 1 :])


def _flat(node: Node, shape: Shape) -> Shape:
    return (None,) if None in shape else (math.prod(dim or 0 for dim in shape),)


def _reshaped(node: Node, shape: Shape) -> Shape:
    target = list(setting(node, "target_shape"))
    if -1 in target:
        rest = -math.prod(target)
        total = _flat(node, shape)[0]
        target[target.index(-1)] = None if total is None else total // rest
    return tuple(target)


def _recurrent(node: Node, shape: Shape) -> Shape:
    units = int(setting(node, "units"))
    if setting(node, "return_state"):
        raise ValueError  # several outputs
    return (shape[0], units) if setting(node, "return_sequences") else (units,)


def _both_ways(node: Node, shape: Shape) -> Shape:
    one = _recurrent(setting(node, "layer"), shape)
    twice = 2 if setting(node, "merge_mode") == "concat" else 1
    return (*one[:-1], (one[-1] or 0) * twice)


def _over_time(node: Node, shape: Shape) -> Shape:
    inner = given_shape(setting(node, "layer"), [shape[1:]])
    if inner is None:
        raise ValueError
    return (shape[0], *inner)


RULES: dict[str, Rule] = {
    "Dense": lambda node, shape: (*shape[:-1], int(setting(node, "units"))),
    "Embedding": lambda node, shape: (*shape, int(setting(node, "output_dim"))),
    "Flatten": _flat,
    "Reshape": _reshaped,
    "Permute": lambda node, shape: tuple(shape[axis - 1] for axis in setting(node, "dims")),
    "RepeatVector": lambda node, shape: (int(setting(node, "n")), *shape),
    "Resizing": lambda node, shape: (
        int(setting(node, "height")), int(setting(node, "width")), shape[-1],
    ),
    "CenterCrop": lambda node, shape: (
        int(setting(node, "height")), int(setting(node, "width")), shape[-1],
    ),
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "SimpleRNN": _recurrent,
    "Bidirectional": _both_ways,
    "TimeDistributed": _over_time,
}  # fmt: skip


def _each(value: Any, axes: int) -> Sequence[int]:
    return [value] * axes if isinstance(value, int) else list(value)


def _both(pair: Any) -> int:
    return 2 * pair if isinstance(pair, int) else int(pair[0]) + int(pair[1])


def _plus(number: int | None, more: int) -> int | None:
    return None if number is None else number + more
