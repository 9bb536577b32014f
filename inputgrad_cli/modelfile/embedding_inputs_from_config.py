"""Finds the inputs whose values an embedding looks up, from the configuration of a model alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.layer_graph import Graph, Tensor, build_graph

EMBEDDINGS = ("Embedding", "ReversibleEmbedding")
# They turn words into ids, or pass ids on; a Sequential model begins with the layer of its input.
PASSED = (
    *("TextVectorization", "StringLookup", "IntegerLookup", "Hashing"),
    *("Identity", "Masking", "InputLayer"),
)


@convert_config_errors
def find_embedded_inputs(config: Mapping[str, Any], names: Sequence[str]) -> frozenset[str]:
    """Return those of the inputs, named in order, whose ids or words go through an embedding.

    Embeddings in nested models are not looked for.
    """
    graph = build_graph(config)
    pairs = zip(names, graph.inputs, strict=False)
    return frozenset(name for name, tensor in pairs if _is_embedded(graph, tensor))


def _is_embedded(graph: Graph, start: Tensor) -> bool:
    """Return whether an embedding takes a tensor, or the ids that an encoder makes of it."""
    seen, waiting = {start}, [start]
    while waiting:
        for call in graph.calls.get(waiting.pop(), ()):
            kind, output = call.node.get("class_name"), call.get_output()
            if kind in EMBEDDINGS:
                return True
            if kind in PASSED and output not in seen:
                seen.add(output)
                waiting.append(output)
    return False
