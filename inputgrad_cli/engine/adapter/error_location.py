"""Where a model failed: the layer at work, and what it was given."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from typing import Any

import keras

from inputgrad_cli.engine.adapter.hooks import layers_by_path


def place_of(error: BaseException, model: Any = None) -> str:
    """Return the layer in which the error arose, `layer 'conv' (Conv1D), given (1, 3, 4)`.

    Nothing where it was in no layer. Keras must not have filtered the traceback.
    """
    for one in chain(error):
        found = None
        for frame, _ in traceback.walk_tb(one.__traceback__):
            worker = frame.f_locals.get("self")
            making = frame.f_code.co_name in ("__init__", "__new__")
            if isinstance(worker, keras.Operation) and worker is not model and not making:
                found = (worker, frame) if found is None or found[0] is not worker else found
        if found and not _is_model(found[0]):
            return _told(*found, model)
    return "" if model is None else _of_node(error, model)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and those that it came from, the innermost first."""
    errors = []
    while error is not None and error not in errors:
        errors.append(error)
        error = error.__cause__ or error.__context__
    yield from reversed(errors)


def _is_model(worker: Any) -> bool:
    return isinstance(worker, (keras.Sequential, keras.Model)) and hasattr(worker, "_functional")


def _told(worker: Any, frame: Any, model: Any) -> str:
    known = {} if model is None else layers_by_path(model)
    paths = {id(layer): path for path, layer in known.items()}
    word = "layer" if isinstance(worker, keras.Layer) else "operation"
    name = paths.get(id(worker), worker.name)
    given = [frame.f_locals.get(key) for key in ("args", "kwargs")]
    leaves = keras.tree.flatten([value for value in given if value is not None])
    shapes = [_shape(leaf) for leaf in leaves if getattr(leaf, "shape", None) is not None]
    got = f", given {' and '.join(shapes[:3])}" if shapes else ""
    return f"{word} {name!r} ({type(worker).__name__}){got}"


def _shape(tensor: Any) -> str:
    try:
        sizes = ["?" if size is None else str(size) for size in tensor.shape]
    except ValueError:  # of unknown rank
        return "(...)"
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _of_node(error: BaseException, model: Any) -> str:
    """Return the layer of the node that a compiled program names, or nothing."""
    nodes = re.findall(r"\{\{node ([^}]*)\}\}", str(error))
    paths = layers_by_path(model)
    by_name = {path.rpartition("/")[2]: path for path in paths}
    for node in nodes:
        for part in reversed(node.split("/")):
            for name in (part, re.sub(r"_\d+$", "", part)):
                if name in by_name and not _is_model(paths[by_name[name]]):
                    path = by_name[name]
                    return f"layer {path!r} ({type(paths[path]).__name__})"
    return ""
