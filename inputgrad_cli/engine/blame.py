"""Finds what stands between an input and a target that does not depend on it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops as graph_ops

from inputgrad_cli.engine.binding import Binding
from inputgrad_cli.engine.taps import layers_by_path

# These have a registered derivative, and it is none or zero everywhere.
STEPS = {"Floor", "Ceil", "Round", "Rint", "Sign", "StopGradient", "PreventGradient", "FloorDiv"}


def blockers(binding: Binding, tensors: dict[str, Any], sites: Sequence[str]) -> list[str]:
    """Return the operations without derivative that the sites run into, as `Round in layer x`.

    Layers are named as TensorFlow's graph names them. The list is empty where the sites simply
    lead nowhere.
    """

    def run(inputs: dict[str, Any]) -> Any:
        return binding.call(inputs)

    signature = [{name: tf.TensorSpec(t.shape, t.dtype) for name, t in tensors.items()}]
    traced = tf.function(run, input_signature=signature, autograph=binding.own_code)
    graph = traced.get_concrete_function().graph
    names = sorted(tensors)  # a dictionary is flattened in this order
    starts = [t for name, t in zip(names, graph.inputs, strict=False) if name in sites]
    names_of_layers = {path.rpartition("/")[2] for path in layers_by_path(binding.model)}
    found: dict[str, None] = {}
    queue, seen = deque(starts), set()
    while queue:
        for operation in queue.popleft().consumers():
            if operation in seen:
                continue
            seen.add(operation)
            if _blocks(operation):
                found[_told(operation, names_of_layers)] = None
            else:
                queue.extend(operation.outputs)
    return list(found)


def _blocks(operation: Any) -> bool:
    if operation.type in STEPS:
        return True
    if operation.type == "Cast":
        return not operation.outputs[0].dtype.is_floating
    if operation.type in ("PartitionedCall", "StatefulPartitionedCall"):
        return False
    try:
        return graph_ops.get_gradient_function(operation) is None and bool(operation.outputs)
    except LookupError:
        return True


def _told(operation: Any, layers: set[str]) -> str:
    scopes = [re.sub(r"_\d+$", "", part) for part in operation.name.split("/")[:-1]]
    whole = operation.name.split("/")[:-1]
    layer = next((name for name in [*whole, *scopes] if name in layers), "")
    return f"{operation.type} in layer {layer!r}" if layer else operation.type
