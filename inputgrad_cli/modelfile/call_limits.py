"""How many layer calls a pass through a configuration takes, counted without making them.

A model inside another is gone through at each of its calls: thirty of them, each of which calls the
next one twice, are a billion calls in a file of some kilobytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import layers, objects
from inputgrad_cli.modelfile.model_file import ModelFile

MOST_CALLS = 10_000  # one pass over 16,000 takes half a minute; the largest known models have 3,000
MOST_RATIO = 3  # of what a file writes down call by call, however much it is


@reads_config
def refuse_doubling(file: ModelFile) -> None:
    """Raise ModelError where models call one another so often that a pass has no end."""
    calls = _calls(file.config)
    most = max(MOST_CALLS, MOST_RATIO * _written(file.config))
    if calls > most:
        raise ModelError(
            f"{file.path}: a pass takes {calls:,} layer calls",
            reason="models that call models multiply",
            mend=f"at most {most:,} are made; save a model of fewer calls",
            kind="unsafe",
        )


def _written(node: Mapping[str, Any]) -> int:
    """Return how many calls of layers a configuration writes down."""
    return sum(_times(layer) for model in objects(node) for layer in layers(model))


def _times(layer: Mapping[str, Any]) -> int:
    """Return how often a layer is called where it stands."""
    nodes = layer.get("inbound_nodes")
    return max(1, len(nodes)) if isinstance(nodes, list) else 1


def _calls(node: Mapping[str, Any]) -> int:
    """Return how many layer calls it takes to go through a layer once, or through a model."""
    if inner := layers(node):
        return sum(_calls(layer) * _times(layer) for layer in inner)
    config = node.get("config")  # a wrapper such as TimeDistributed may hold a model
    values = config.values() if isinstance(config, Mapping) else ()
    inside = [value for value in values if isinstance(value, Mapping) and "config" in value]
    return max(1, sum(map(_calls, inside)))
