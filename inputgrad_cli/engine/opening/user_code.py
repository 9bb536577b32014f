"""Imports the user's own layers, losses and functions (`--code`)."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from inputgrad_cli.errors import InputgradError, UsageError
from inputgrad_cli.modelfile.safety import Custom

OURS = str(Path(__file__).parents[2])


def import_code(sources: Sequence[str]) -> dict[str, Any]:
    """Return the classes and functions that the user's files and modules define, by name.

    Only what a module defines itself: a name that it imports would hide Keras's own.
    """
    return defined_in(import_modules(sources))


def import_modules(sources: Sequence[str]) -> list[ModuleType]:
    """Return the user's files and modules, imported; UsageError."""
    return [_import(source) for source in sources]


def defined_in(modules: Sequence[ModuleType]) -> dict[str, Any]:
    """Return the classes and functions that modules define themselves, by name."""
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and callable(value)
    }


def wanted_from(modules: Sequence[ModuleType], wanted: Iterable[Custom]) -> dict[str, Any]:
    """Return what a model asks for and the modules only import or rename, by the model's name."""
    found = {}
    for item in wanted:
        value = next(
            (v for module in modules for v in _offers(module, item) if _is_usable(v)), None
        )
        if value is not None:
            found[item.name] = value
    return found


def _offers(module: ModuleType, item: Custom) -> Iterator[Any]:
    """Yield what a module may mean by a name: its own, a renamed import, one of a package."""
    names = vars(module)
    yield names.get(item.name)
    yield from (v for v in names.values() if getattr(v, "__name__", None) == item.name)
    home = item.module or ""
    packages = [module, *(value for value in names.values() if inspect.ismodule(value))]
    if any(f"{home}.".startswith(f"{package.__name__}.") for package in packages):
        with suppress(ImportError):
            yield getattr(importlib.import_module(home), item.name, None)


def _is_usable(value: Any) -> bool:
    """Return whether a model file may ask for this: no file decides that system() is called."""
    home = str(getattr(value, "__module__", None) or "").partition(".")[0]
    return callable(value) and not inspect.ismodule(value) and home not in sys.stdlib_module_names


def registered_names() -> list[str]:
    """Return the names under which objects are registered with Keras."""
    import keras

    return list(keras.saving.get_custom_objects())


def _import(source: str) -> ModuleType:
    try:
        with redirect_stdout(sys.stderr):  # what it prints must not stand in a stream of results
            if source.endswith(".py"):
                return _import_file(Path(source))
            return importlib.import_module(source)
    except InputgradError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"--code {source}: importing it failed{_place(error)}",
            reason=_told(error),
            mend=_mend(source, error),
        ) from error


def _told(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "it ended the program"
    line = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {line[:300]}"


def _place(error: BaseException) -> str:
    """Return the line of the user's own file in which it failed, the innermost."""
    if isinstance(error, SyntaxError):
        return f" in line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_users(frame.filename)]
    return f" in line {own[-1].lineno} of {Path(own[-1].filename).name}" if own else ""


def _is_users(filename: str) -> bool:
    installed = "site-packages" in filename or filename.startswith("<")
    return not installed and not filename.startswith((sys.prefix, sys.base_prefix, OURS))


def _mend(source: str, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == source.partition(".")[0]:
        return "a module must be installed or on PYTHONPATH; a file ends in .py"
    return "it must be importable by itself, without training or parsing a command line"


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
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
