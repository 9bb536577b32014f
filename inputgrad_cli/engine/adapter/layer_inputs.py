"""Which inputs a layer sees: those that its output is computed from, by the model's own graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from inputgrad_cli.engine.adapter.hooks import read
from inputgrad_cli.engine.adapter.keras_adapter import Binding

# They pass on how large their input is, and nothing of what it holds.
BLIND = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}


def inputs_of(
    binding: Binding, tensors: Mapping[str, Any], layers: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Return, by layer, the names of the inputs that it sees; all where no graph can tell.

    The model is traced once: nested and shared models, calls by number and models without a graph
    of layers are one to a trace. Of a layer without a number all calls count.
    """
    names = sorted(port.name for port in binding.ports)
    everything = frozenset(names)
    if len(names) == 1:
        return dict.fromkeys(layers, everything)
    outputs: dict[str, list[Any]] = {}

    def run(fed: dict[str, Any]) -> Any:
        with read(binding.model, list(layers)) as seen:
            found = binding.call(fed)
        outputs.update(seen)
        return found

    signature = [{name: tf.TensorSpec(tensors[name].shape, tensors[name].dtype) for name in names}]
    try:
        traced = tf.function(run, input_signature=signature, autograph=binding.own_code)
        graph = traced.get_concrete_function().graph
    except Exception:  # a layer of one's own that cannot be traced raises what it likes
        return dict.fromkeys(layers, everything)
    starts = {id(t.op): name for name, t in zip(names, graph.inputs, strict=False)}
    return {
        layer: _behind(outputs[layer], starts)
        if all(getattr(t, "graph", None) is graph for t in outputs[layer])
        else everything  # inside a loop, whose body is a graph of its own
        for layer in layers
    }


def _behind(outputs: Iterable[Any], starts: Mapping[int, str]) -> frozenset[str]:
    """Return the names of the operations among `starts` that lead to the outputs."""
    queue = [tensor.op for tensor in outputs]
    done: set[int] = set()
    found: set[str] = set()
    while queue:
        op = queue.pop()
        if id(op) in done:
            continue
        done.add(id(op))
        if id(op) in starts:
            found.add(starts[id(op)])
        elif op.type not in BLIND:
            queue += [tensor.op for tensor in op.inputs]
    return frozenset(found)
