"""Saves a Keras model that lives in this process, so that it is opened and checked like a file.

The copy that is opened is the tool's own: the model of the caller is never changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inputgrad_cli.engine.adapter.type_aliases import CustomObjects
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.custom_code_checks import CustomObject

FILE_NAME = "model.keras"


def save_model(model: Any, folder: Path) -> Path:
    """Save the model in a folder and return the path of its file; ModelError if Keras cannot."""
    path = folder / FILE_NAME
    try:
        model.save(path)
    except Exception as error:  # code of the model's own layers may raise anything
        raise ModelError(
            f"the {type(model).__name__} {model.name!r} cannot be saved",
            reason=(str(error).strip().splitlines() or [type(error).__name__])[0][:300],
            hint="layers of your own need get_config(); a model must be called once before",
        ) from error
    return path


def collect_objects(model: Any, wanted: list[CustomObject]) -> CustomObjects:
    """Return the classes and functions that the model is made of, by the names in its file."""
    names = {item.name for item in wanted}
    objects: CustomObjects = {}
    for value in _yield_parts(model):
        name = getattr(value, "__name__", None)
        if name in names and callable(value):
            objects.setdefault(name, value)
    return objects


def _yield_parts(model: Any) -> Iterator[Any]:
    """Yield the classes of the model and its layers, and what they hold with its class."""
    for layer in model._flatten_layers():
        yield type(layer)
        for value in vars(layer).values():
            yield value
            yield type(value)
