"""What the layers of an opened model are, and what they give."""

from __future__ import annotations

import math
from typing import Any

from inputgrad_cli.data.signature import Shape
from inputgrad_cli.engine.adapter.hooks import layers_by_path


def layers_of(engine: Any) -> list[tuple[str, str, Shape | None]]:
    """Return path, class and output shape (None where it varies) of every layer, in order."""
    found = layers_by_path(engine.binding.model)
    return [(path, type(layer).__name__, _shape(layer)) for path, layer in found.items()]


def _shape(layer: Any) -> Shape | None:
    try:
        shape = layer.output.shape
    except Exception:  # a layer outside a graph, or with several outputs, raises what it likes
        return None
    return tuple(shape[1:]) if isinstance(shape, tuple) else None


def weights_of(engine: Any) -> dict[str, int]:
    """Return how many arrays the opened model holds, and how many numbers."""
    variables = engine.binding.model.variables
    return {"arrays": len(variables), "numbers": sum(math.prod(v.shape) for v in variables)}
