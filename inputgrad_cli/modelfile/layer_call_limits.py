"""Limits how many layer calls one pass through a configuration takes, without running it.

A model inside another model runs at each of its calls. Thirty such models, each of which calls the
next twice, make a billion calls out of a file of a few kilobytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import list_layers, walk_objects
from inputgrad_cli.modelfile.model_file import ModelFile

MAX_CALLS = 10_000  # one pass over 16,000 takes half a minute; the largest known models have 3,000
MAX_CALL_RATIO = 3  # times the calls that the file writes down; a larger file may make more calls


@convert_config_errors
def refuse_too_many_calls(file: ModelFile) -> None:
    """Raise ModelError if models call one another so often that a pass would not end."""
    calls = _count_calls(file.config)
    limit = max(MAX_CALLS, MAX_CALL_RATIO * _count_written_calls(file.config))
    if calls > limit:
        raise ModelError(
            f"{file.path}: a pass takes {calls:,} layer calls",
            reason="models that call models multiply",
            hint=f"at most {limit:,} are made; save a model of fewer calls",
            kind="unsafe",
        )


def _count_written_calls(node: Mapping[str, Any]) -> int:
    """Return how many layer calls a configuration writes down."""
    return sum(
        _count_calls_in_place(layer) for model in walk_objects(node) for layer in list_layers(model)
    )


def _count_calls_in_place(layer: Mapping[str, Any]) -> int:
    """Return how often the surrounding model calls a layer."""
    nodes = layer.get("inbound_nodes")
    return max(1, len(nodes)) if isinstance(nodes, list) else 1


def _count_calls(node: Mapping[str, Any]) -> int:
    """Return how many layer calls one pass through a layer or a model takes."""
    if inner := list_layers(node):
        return sum(_count_calls(layer) * _count_calls_in_place(layer) for layer in inner)
    config = node.get("config")  # a wrapper such as TimeDistributed may hold a model
    values = config.values() if isinstance(config, Mapping) else ()
    objects = [value for value in values if isinstance(value, Mapping) and "config" in value]
    return max(1, sum(map(_count_calls, objects)))
