"""How much memory a model asks for, as far as its file alone is certain of it.

What this lets pass is counted again while Keras builds, layer by layer, before it is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ModelError
from inputgrad_cli.machine.memory import MEND, room
from inputgrad_cli.modelfile.allow_list import is_keras_class
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import layers, module_of, name_of, objects, setting
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.outline import outline

BYTES = 4
FLOOR = 128 << 20  # so much may be asked for, whatever the file holds
MOST_RATIO = 10  # float32 may be stored as int8
CELLS = {"LSTM": 4, "LSTMCell": 4, "GRU": 3, "GRUCell": 3, "SimpleRNN": 1, "SimpleRNNCell": 1}


@reads_config
def refuse_huge(file: ModelFile) -> None:
    """Raise ModelError for weights that the file lacks, and for what no memory here can hold.

    Keras makes the variables first and reads the file afterwards: two billion units are an end
    out of memory, not an error.
    """
    if file.form == "saved_model":
        return
    held = bytes_of_weights(file)
    total, worst = 0, (0, "")
    widths = _widths(file.config)
    for node in objects(file.config):
        size = fewest_weights(node, widths.get(id(node))) * BYTES
        total += size
        worst = max(worst, (size, name_of(node) or str(node["class_name"])))
    if total > most_weights(held):
        raise ModelError(
            f"{file.path}: its layers ask for {total:,} bytes of weights, which the file lacks",
            reason=f"layer {worst[1]!r} alone for {worst[0]:,}",
            mend="check the file; a model and its weights belong together",
            kind="unsafe",
        )
    _refuse_large(f"{file.path}: its weights take {held:,} bytes", held)
    for port in outline(file.config).inputs or ():
        size = _bytes_of(port)
        what = f"{file.path}: one sample of input {port} takes {size:,} bytes"
        _refuse_large(what, size)


def _widths(config: Mapping[str, Any]) -> dict[int, int | None]:
    """Return the last axis that layers in a row take, by layer; in a graph the order says none."""
    found: dict[int, int | None] = {}
    for model in objects(config):
        width = None
        for node in layers(model) if setting(model, "input_layers") is None else ():
            found[id(node)] = width
            width = last_axis(node, width)
    return found


def most_weights(held: int) -> int:
    """Return the bytes of variables that a model may make whose file holds so many of weights."""
    return max(FLOOR, MOST_RATIO * held)


def bytes_of_weights(file: ModelFile) -> int:
    """Return the bytes of the weights that the file holds, as float32."""
    return sum(math.prod(array.shape) * BYTES for array in file.weights)


def _bytes_of(port: Port) -> int:
    """Return the bytes of one sample of an input; an axis of any length is taken for one."""
    return BYTES * math.prod(1 if size is None else size for size in port.shape or ())


def _refuse_large(what: str, size: int) -> None:
    left = room()
    if size > left.size:
        raise ModelError(
            what, reason=f"{left.size:,} are left of {left.words}", mend=MEND, kind="memory"
        )


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
