"""Imports the user's own layers, losses and functions (`--code`)."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from inputgrad_cli.errors import InputgradError, UsageError


def import_code(sources: Sequence[str]) -> dict[str, Any]:
    """Return the classes and functions that the user's files and modules define, by name.

    Only what a module defines itself: a name that it imports would hide Keras's own.
    """
    found: dict[str, Any] = {}
    for source in sources:
        module = _import(source)
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__
            if own and (inspect.isclass(value) or inspect.isfunction(value)):
                found[name] = value
    return found


def registered_names() -> list[str]:
    """Return the names under which objects are registered with Keras."""
    import keras

    return list(keras.saving.get_custom_objects())


def _import(source: str) -> ModuleType:
    try:
        if source.endswith(".py"):
            return _import_file(Path(source))
        return importlib.import_module(source)
    except InputgradError:
        raise
    except Exception as error:
        raise UsageError(
            f"--code {source}: importing it failed",
            reason=f"{type(error).__name__}: {error}",
            mend="it must be importable by itself, without training or parsing a command line",
        ) from error


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"--code {path}: there is no such file")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # so that it finds its neighbours
    name = path.stem
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path.resolve()):
        return sys.modules[name]
    if name in sys.modules or not name.isidentifier():
        name = f"inputgrad_code_{abs(hash(str(path.resolve())))}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UsageError(f"--code {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
