"""Lists the layers of an opened model with their output shapes, and counts its weights."""

from __future__ import annotations

import math
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.engine.adapter.hooks import map_layers_by_path


def describe_layers(engine: Any) -> list[tuple[str, str, Shape | None]]:
    """Return path, class and output shape (None if it varies) of every layer, in order."""
    layers = map_layers_by_path(engine.adapter.model)
    return [
        (path, type(layer).__name__, _find_output_shape(layer)) for path, layer in layers.items()
    ]


def _find_output_shape(layer: Any) -> Shape | None:
    """Return the output shape without the batch axis, None if it is not unique."""
    try:
        shape = layer.output.shape
    except Exception:  # a layer outside a graph, or with several outputs, may raise any error
        return None
    return tuple(shape[1:]) if isinstance(shape, tuple) else None


def count_weights(engine: Any) -> dict[str, int]:
    """Return the number of weight arrays of the opened model, and of the values in them."""
    variables = engine.adapter.model.variables
    return {"arrays": len(variables), "numbers": sum(math.prod(v.shape) for v in variables)}
