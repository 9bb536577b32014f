"""The softmax or sigmoid that ends a graph, seen through operations that only move values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

ACTIVATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "log_softmax"}
SAME = {"Identity", "Cast", "EnsureShape"}
# By operation: the argument that holds the values; the others say where they go.
MOVES = {
    "Reshape": "tensor",
    "Squeeze": "input",
    "ExpandDims": "input",
    "Transpose": "x",
    "ReverseV2": "tensor",
    "Pack": "values",
    "Unpack": "value",
    "ConcatV2": "values",
    "Split": "value",
    "StridedSlice": "input",
    "Slice": "input",
    "GatherV2": "params",
}


def logits_of(output: Any) -> Any | None:
    """Return the tensor before the final softmax or sigmoid, None where none is found.

    Keras notes it on the tensor it returns; while a graph is traced the operations can be walked.
    """
    noted = getattr(output, "_keras_logits", None)
    if noted is not None:
        return noted
    if isinstance(output, tf.__internal__.EagerTensor) or not hasattr(output, "op"):
        return None
    ending = ending_of(output)
    return None if ending is None else ending[1]


def logits_by_name(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the logits of the outputs where some are found, by name."""
    logits = {name: logits_of(y) for name, y in outputs.items()}
    return {name: z for name, z in logits.items() if z is not None}


def ending_of(tensor: Any) -> tuple[str, Any] | None:
    """Return the name of the activation that made a symbolic tensor, and the logits in its shape.

    What a wrapper does after the activation is done to the logits too, so that TimeDistributed,
    which stacks the steps, is no wall. None where other operations stand there.
    """
    operation = tensor.op
    if operation.type in ACTIVATIONS:
        return ACTIVATIONS[operation.type], operation.inputs[0]
    if operation.type in SAME:
        return ending_of(operation.inputs[0])
    if operation.type not in MOVES:
        return None
    arguments = _arguments(operation)
    moved = arguments[MOVES[operation.type]]
    parts = moved if isinstance(moved, list) else [moved]
    endings = [ending for part in parts if (ending := ending_of(part)) is not None]
    if len(endings) < len(parts) or len({name for name, _ in endings}) > 1:
        return None
    logits = [each for _, each in endings]
    arguments[MOVES[operation.type]] = logits if isinstance(moved, list) else logits[0]
    result = getattr(tf.raw_ops, operation.type)(**arguments)
    return endings[0][0], result[tensor.value_index] if isinstance(result, list) else result


def _arguments(operation: Any) -> dict[str, Any]:
    """Return the tensors and settings that an operation was made with, by name."""
    arguments: dict[str, Any] = {}
    inputs, counts = list(operation.inputs), set()
    for argument in operation.op_def.input_arg:
        count = operation.get_attr(argument.number_attr) if argument.number_attr else 1
        counts.add(argument.number_attr)
        part, inputs = inputs[:count], inputs[count:]
        arguments[argument.name] = part if argument.number_attr else part[0]
    for setting in operation.op_def.attr:
        if setting.type != "type" and setting.name not in counts:
            arguments[setting.name] = operation.get_attr(setting.name)
    return arguments
