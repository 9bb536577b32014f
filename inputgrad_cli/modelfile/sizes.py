"""How much memory the layers of a configuration would ask for, before any of it is allocated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.allowed import is_keras_class
from inputgrad_cli.modelfile.archive import ModelFile
from inputgrad_cli.modelfile.malformed import reads_config
from inputgrad_cli.modelfile.nodes import layers, module_of, name_of, objects, setting

BYTES = 4
FLOOR = 128 << 20  # so much may be asked for, whatever the file holds
MOST_RATIO = 10
CELLS = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3, "SimpleRNN": 1, "SimpleRNNCell": 1}


@reads_config
def refuse_huge(file: ModelFile) -> None:
    """Raise ModelError if the layers would allocate far more than the weights in the file.

    Keras makes the variables first and reads the file afterwards: two billion units are an end
    out of memory, not an error.
    """
    if file.form == "saved_model":
        return
    most = max(FLOOR, MOST_RATIO * sum(_bytes(a.shape) for a in file.arrays))
    total, worst = 0, (0, "")
    for name, numbers in _needs(file.config, None):
        total += numbers * BYTES
        worst = max(worst, (numbers, name))
    if total > most:
        raise ModelError(
            f"{file.path}: its layers ask for {total:,} bytes of weights, which the file lacks",
            reason=f"layer {worst[1]!r} alone for {worst[0] * BYTES:,}",
            mend="check the file; a model and its weights belong together",
            kind="unsafe",
        )


def _bytes(shape: tuple[int, ...]) -> int:
    return math.prod(shape) * BYTES


def _needs(config: Mapping[str, Any], width: int | None) -> list[tuple[str, int]]:
    """Return (layer, numbers) of every layer, never more than it must have."""
    found = [(name_of(config), fewest_weights(config, width))]
    for node in layers(config):
        found += _needs(node, width)
        width = last_axis(node, width)
    inner = {id(node) for node in layers(config)}
    for key, value in (config.get("config") or {}).items():
        # A wrapper's own layer stands under `layer`, cells under `cell` or `cells`, and so on.
        for node in objects(value) if key != "layers" else ():
            if id(node) not in inner and isinstance(node.get("config"), Mapping):
                found.append((name_of(node) or str(node["class_name"]), fewest_weights(node, None)))
    return found


def fewest_weights(node: Mapping[str, Any], width: int | None) -> int:
    """Return the fewest numbers that a layer of Keras with these settings can hold."""
    if not is_keras_class(str(node.get("class_name")), module_of(node)):
        return 0
    shape = _built(node)
    last = shape[-1] if shape else width or 1
    name = str(node.get("class_name"))
    if name in CELLS:
        units = _whole(node, "units")
        return CELLS[name] * units * (units + last)
    if name == "Embedding":
        return _whole(node, "input_dim") * _whole(node, "output_dim")
    if name.startswith(("Conv", "SeparableConv")):
        return _whole(node, "filters") * _convolved(node, name, last)
    if name.startswith("DepthwiseConv"):
        return _kernel(node) * last * max(1, _whole(node, "depth_multiplier"))
    if name in ("MultiHeadAttention", "GroupQueryAttention"):
        heads = max(_whole(node, "num_heads"), _whole(node, "num_query_heads"))
        return heads * max(_whole(node, "key_dim"), _whole(node, "head_dim")) * last
    if name.endswith("Normalization") and setting(node, "axis") in (-1, [-1]):
        return last if shape else 0
    return _whole(node, "units") * last


def _convolved(node: Mapping[str, Any], name: str, last: int) -> int:
    groups = max(1, _whole(node, "groups"))
    if name.startswith("Separable"):
        return last * max(1, _whole(node, "depth_multiplier"))
    if setting(node, "data_format") == "channels_first":
        last = 1
    return _kernel(node) * max(1, last // groups)


def _kernel(node: Mapping[str, Any]) -> int:
    size = setting(node, "kernel_size")
    sides = size if isinstance(size, list) else [size]
    return math.prod(side for side in sides if isinstance(side, int) and side > 0)


def _whole(node: Mapping[str, Any], key: str) -> int:
    value = setting(node, key)
    return int(value) if isinstance(value, (int, float)) and 0 < value < 1e30 else 0


def _built(node: Mapping[str, Any]) -> list[int]:
    """Return the shape that a layer was built with, as far as it is one shape of known numbers."""
    built = node.get("build_config")
    shape = built.get("input_shape") if isinstance(built, Mapping) else None
    if not isinstance(shape, list) or not shape or not isinstance(shape[-1], int):
        return []
    return [dim for dim in shape if isinstance(dim, int)]


def last_axis(node: Mapping[str, Any], before: int | None) -> int | None:
    """Return the length of the last axis behind a layer, None where only its run would tell."""
    name = str(node.get("class_name"))
    if name == "InputLayer":
        shape = setting(node, "batch_shape")
        last = shape[-1] if isinstance(shape, list) and shape else None
        return last if isinstance(last, int) else None
    for key in ("units", "filters", "output_dim"):
        if _whole(node, key):
            return _whole(node, key)
    passing = ("Activation", "Dropout", "BatchNormalization", "ReLU", "LayerNormalization")
    return before if name in passing else None
