"""Finds the softmax or sigmoid that ends a graph, also behind operations that only move values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.adapter.type_aliases import Tensors

ACTIVATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "log_softmax"}
PASSTHROUGH = {"Identity", "Cast", "EnsureShape"}
# By operation: the argument that holds the values; the other arguments say where they move.
MOVED_ARGUMENTS = {
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


def find_logits(output: Any) -> Any | None:
    """Return the tensor before the final softmax or sigmoid, None if there is none.

    Keras attaches it to the tensor that it returns. Otherwise the operations are followed back,
    which is possible only while a graph is traced.
    """
    attached = getattr(output, "_keras_logits", None)
    if attached is not None:
        return attached
    if isinstance(output, tf.__internal__.EagerTensor) or not hasattr(output, "op"):
        return None
    ending = find_activation(output)
    return None if ending is None else ending[1]


def find_all_logits(outputs: Mapping[str, Any]) -> Tensors:
    """Return the logits by output name, without the outputs that have none."""
    logits = {name: find_logits(y) for name, y in outputs.items()}
    return {name: z for name, z in logits.items() if z is not None}


def find_activation(tensor: Any) -> tuple[str, Any] | None:
    """Return the name of a symbolic tensor's final activation, and the logits in its shape.

    Operations that a wrapper applies after the activation, as TimeDistributed stacks the steps, are
    applied to the logits too. Returns None if other operations come after the activation.
    """
    operation = tensor.op
    if operation.type in ACTIVATIONS:
        return ACTIVATIONS[operation.type], operation.inputs[0]
    if operation.type in PASSTHROUGH:
        return find_activation(operation.inputs[0])
    if operation.type not in MOVED_ARGUMENTS:
        return None
    arguments = _read_arguments(operation)
    inputs = arguments[MOVED_ARGUMENTS[operation.type]]
    parts = inputs if isinstance(inputs, list) else [inputs]
    endings = [ending for part in parts if (ending := find_activation(part)) is not None]
    # A stack of parts ends in an activation only if all parts do, and in the same.
    if len(endings) < len(parts) or len({name for name, _ in endings}) > 1:
        return None
    logits = [part_logits for _, part_logits in endings]
    arguments[MOVED_ARGUMENTS[operation.type]] = logits if isinstance(inputs, list) else logits[0]
    result = getattr(tf.raw_ops, operation.type)(**arguments)
    return endings[0][0], result[tensor.value_index] if isinstance(result, list) else result


def _read_arguments(operation: Any) -> dict[str, Any]:
    """Return the input tensors and attributes of an operation, by name."""
    arguments: dict[str, Any] = {}
    inputs, counts = list(operation.inputs), set()
    for argument in operation.op_def.input_arg:
        count = operation.get_attr(argument.number_attr) if argument.number_attr else 1
        counts.add(argument.number_attr)
        part, inputs = inputs[:count], inputs[count:]
        arguments[argument.name] = part if argument.number_attr else part[0]
    for attribute in operation.op_def.attr:
        # Types follow from the inputs, and counts from the lists of them.
        if attribute.type != "type" and attribute.name not in counts:
            arguments[attribute.name] = operation.get_attr(attribute.name)
    return arguments
