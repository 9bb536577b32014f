"""Finds the inputs that a layer depends on, by following the graph of the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.adapter.graph_traversal_properties import SHAPE_OPERATIONS
from inputgrad_cli.engine.adapter.hooks import read_outputs
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.type_aliases import Tensors


def find_layer_inputs(
    adapter: KerasAdapter, tensors: Mapping[str, Any], layers: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Return, by layer, the names of the inputs that it depends on; all if no graph is found.

    The model is traced once, because a trace treats nested and shared models, single calls and
    models without a graph of layers alike. All calls count for a layer without a call index.
    """
    names = sorted(spec.name for spec in adapter.input_specs)
    everything = frozenset(names)
    if len(names) == 1:
        return dict.fromkeys(layers, everything)
    outputs: dict[str, list[Any]] = {}

    def run(fed: Tensors) -> Any:
        with read_outputs(adapter.model, list(layers)) as seen:
            result = adapter.call(fed)
        outputs.update(seen)
        return result

    signature = [{name: tf.TensorSpec(tensors[name].shape, tensors[name].dtype) for name in names}]
    try:
        traced = tf.function(run, input_signature=signature, autograph=adapter.has_user_code)
        graph = traced.get_concrete_function().graph
    except Exception:  # a custom layer that cannot be traced may raise any error
        return dict.fromkeys(layers, everything)
    starts = {id(t.op): name for name, t in zip(names, graph.inputs, strict=False)}
    return {
        layer: _find_sources(outputs[layer], starts)
        if all(getattr(t, "graph", None) is graph for t in outputs[layer])
        else everything  # the layer is called in a loop, whose body is a separate graph
        for layer in layers
    }


def _find_sources(outputs: Iterable[Any], starts: Mapping[int, str]) -> frozenset[str]:
    """Return the names of the operations in `starts` that the outputs depend on."""
    queue = [tensor.op for tensor in outputs]
    done: set[int] = set()
    names: set[str] = set()
    while queue:
        op = queue.pop()
        if id(op) in done:
            continue
        done.add(id(op))
        if id(op) in starts:
            names.add(starts[id(op)])
        elif op.type not in SHAPE_OPERATIONS:
            queue += [tensor.op for tensor in op.inputs]
    return frozenset(names)
