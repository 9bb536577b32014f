"""Refuses models whose file alone proves that they ask for too much memory.

What passes here is counted again, layer by layer, while Keras builds the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ModelError
from inputgrad_cli.machine.memory_size_option import MEMORY_HINT
from inputgrad_cli.machine.process_memory_limit import find_free_memory
from inputgrad_cli.modelfile.allowed_config_names import is_keras_class
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import (
    get_module,
    get_name,
    get_setting,
    list_layers,
    walk_objects,
)
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.model_summary import build_outline

FLOAT_BYTES = 4  # of one float32
HARMLESS_BYTES = 128 << 20  # always allowed, whatever the file holds
MAX_RATIO = 10  # variables to saved weights; float32 may be stored as int8
# How many times `units` wide the kernels of each recurrent layer are.
RECURRENT_GATES = {
    "LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3, "SimpleRNN": 1, "SimpleRNNCell": 1,
}  # fmt: skip


@convert_config_errors
def refuse_too_large(file: ModelFile) -> None:
    """Raise ModelError for weights that the file lacks or that this machine's memory cannot hold.

    Keras creates the variables before it reads the file, so a layer of two billion units would end
    the process for lack of memory instead of raising an error.
    """
    if file.form == "saved_model":
        return
    saved_bytes = count_weight_bytes(file)
    total, largest = 0, (0, "")
    widths = _find_input_widths(file.config)
    for node in walk_objects(file.config):
        size = count_min_weights(node, widths.get(id(node))) * FLOAT_BYTES
        total += size
        largest = max(largest, (size, get_name(node) or str(node["class_name"])))
    if total > compute_weight_limit(saved_bytes):
        raise ModelError(
            f"{file.path}: its layers ask for {total:,} bytes of weights, which the file lacks",
            reason=f"layer {largest[1]!r} alone for {largest[0]:,}",
            hint="check the file; a model and its weights belong together",
            kind="unsafe",
        )
    _refuse_without_memory(f"{file.path}: its weights take {saved_bytes:,} bytes", saved_bytes)
    for spec in build_outline(file.config).inputs or ():
        size = _count_sample_bytes(spec)
        message = f"{file.path}: one sample of input {spec} takes {size:,} bytes"
        _refuse_without_memory(message, size)


def _find_input_widths(config: Mapping[str, Any]) -> dict[int, int | None]:
    """Return the input width of each layer of a Sequential model, by `id`; a graph has no order."""
    widths: dict[int, int | None] = {}
    for model in walk_objects(config):
        width = None
        for node in list_layers(model) if get_setting(model, "input_layers") is None else ():
            widths[id(node)] = width
            width = infer_last_axis(node, width)
    return widths


def compute_weight_limit(saved_bytes: int) -> int:
    """Return the bytes of variables that a model may create if its file holds `saved_bytes`."""
    return max(HARMLESS_BYTES, MAX_RATIO * saved_bytes)


def count_weight_bytes(file: ModelFile) -> int:
    """Return the bytes of the weights that the file holds, as float32."""
    return sum(math.prod(array.shape) * FLOAT_BYTES for array in file.weights)


def _count_sample_bytes(spec: InputSpec) -> int:
    """Return the bytes of one sample of an input; an axis of unknown length counts as 1."""
    return FLOAT_BYTES * math.prod(1 if size is None else size for size in spec.shape or ())


def _refuse_without_memory(message: str, size: int) -> None:
    free = find_free_memory()
    if size > free.size:
        raise ModelError(
            message,
            reason=f"{free.size:,} are left of {free.source}",
            hint=MEMORY_HINT,
            kind="memory",
        )


def count_min_weights(node: Mapping[str, Any], width: int | None) -> int:
    """Return the fewest weights that a Keras layer with these settings can have, 0 if unknown."""
    if not is_keras_class(str(node.get("class_name")), get_module(node)):
        return 0
    shape = _get_built_shape(node)
    last = shape[-1] if shape else width or 1
    name = str(node.get("class_name"))
    if name in RECURRENT_GATES:
        units = _get_count(node, "units")
        return RECURRENT_GATES[name] * units * (units + last)  # recurrent and input kernels
    if name == "Embedding":
        return _get_count(node, "input_dim") * _get_count(node, "output_dim")
    if name.startswith(("Conv", "SeparableConv")):
        return _get_count(node, "filters") * _count_filter_weights(node, name, last)
    if name.startswith("DepthwiseConv"):
        return _count_kernel_positions(node) * last * max(1, _get_count(node, "depth_multiplier"))
    if name in ("MultiHeadAttention", "GroupQueryAttention"):
        heads = max(_get_count(node, "num_heads"), _get_count(node, "num_query_heads"))
        return heads * max(_get_count(node, "key_dim"), _get_count(node, "head_dim")) * last
    if name.endswith("Normalization") and get_setting(node, "axis") in (-1, [-1]):
        return last if shape else 0
    return _get_count(node, "units") * last


def _count_filter_weights(node: Mapping[str, Any], name: str, last: int) -> int:
    groups = max(1, _get_count(node, "groups"))
    if name.startswith("Separable"):
        return last * max(1, _get_count(node, "depth_multiplier"))
    if get_setting(node, "data_format") == "channels_first":
        last = 1  # the last axis is spatial, and one channel is the least
    return _count_kernel_positions(node) * max(1, last // groups)


def _count_kernel_positions(node: Mapping[str, Any]) -> int:
    size = get_setting(node, "kernel_size")
    sides = size if isinstance(size, list) else [size]
    return math.prod(side for side in sides if isinstance(side, int) and side > 0)


def _get_count(node: Mapping[str, Any], key: str) -> int:
    """Return a setting as a count, 0 if it is not a positive number."""
    value = get_setting(node, key)
    # The upper bound leaves out infinity, which has no int.
    return int(value) if isinstance(value, (int, float)) and 0 < value < 1e30 else 0


def _get_built_shape(node: Mapping[str, Any]) -> list[int]:
    """Return the known lengths of the shape that a layer was built with, or an empty list."""
    built = node.get("build_config")
    shape = built.get("input_shape") if isinstance(built, Mapping) else None
    if not isinstance(shape, list) or not shape or not isinstance(shape[-1], int):
        return []
    return [dim for dim in shape if isinstance(dim, int)]


def infer_last_axis(node: Mapping[str, Any], previous: int | None) -> int | None:
    """Return the length of a layer's last output axis, None if only a run would show it."""
    name = str(node.get("class_name"))
    if name == "InputLayer":
        shape = get_setting(node, "batch_shape")
        last = shape[-1] if isinstance(shape, list) and shape else None
        return last if isinstance(last, int) else None
    for key in ("units", "filters", "output_dim"):
        if _get_count(node, key):
            return _get_count(node, key)
    passing = ("Activation", "Dropout", "BatchNormalization", "ReLU", "LayerNormalization")
    return previous if name in passing else None
