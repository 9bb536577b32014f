"""Imports the user's layers, losses and functions (`--code`)."""

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

from inputgrad_cli.engine.adapter.type_aliases import CustomObjects
from inputgrad_cli.errors import InputgradError, UsageError
from inputgrad_cli.modelfile.custom_code_checks import CustomObject

PACKAGE_FOLDER = str(Path(__file__).parents[2])


def import_code(sources: Sequence[str]) -> CustomObjects:
    """Return the classes and functions that the user's files and modules define, by name.

    Imported names are left out, because they would replace those of Keras.
    """
    return list_definitions(import_modules(sources))


def import_modules(sources: Sequence[str]) -> list[ModuleType]:
    """Import and return the user's files and modules. Raises UsageError."""
    return [_import(source) for source in sources]


def list_definitions(modules: Sequence[ModuleType]) -> CustomObjects:
    """Return the classes and functions that modules define themselves, by name."""
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and callable(value)
    }


def find_wanted(modules: Sequence[ModuleType], wanted: Iterable[CustomObject]) -> CustomObjects:
    """Return objects that a model needs and the modules import or rename, by the model's name."""
    objects = {}
    for item in wanted:
        value = next(
            (v for module in modules for v in _yield_candidates(module, item) if _is_usable(v)),
            None,
        )
        if value is not None:
            objects[item.name] = value
    return objects


def _yield_candidates(module: ModuleType, item: CustomObject) -> Iterator[Any]:
    """Yield the objects that a name in the model file may mean.

    They are the module's own, an import under another name, or an object of an imported package.
    """
    names = vars(module)
    yield names.get(item.name)
    yield from (v for v in names.values() if getattr(v, "__name__", None) == item.name)
    module_name = item.module or ""
    packages = [module, *(value for value in names.values() if inspect.ismodule(value))]
    if any(f"{module_name}.".startswith(f"{package.__name__}.") for package in packages):
        with suppress(ImportError):
            yield getattr(importlib.import_module(module_name), item.name, None)


def _is_usable(value: Any) -> bool:
    """Return whether a model file may use this object.

    The standard library is excluded, so that no model file can have os.system() called.
    """
    package = str(getattr(value, "__module__", None) or "").partition(".")[0]
    return (
        callable(value) and not inspect.ismodule(value) and package not in sys.stdlib_module_names
    )


def list_registered_names() -> list[str]:
    """Return the names under which objects are registered with Keras."""
    import keras

    return list(keras.saving.get_custom_objects())


def _import(source: str) -> ModuleType:
    """Import a file or module; UsageError if that fails."""
    try:
        with redirect_stdout(sys.stderr):  # its output must not mix with results on stdout
            if source.endswith(".py"):
                return _import_file(Path(source))
            return importlib.import_module(source)
    except InputgradError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"--code {source}: importing it failed{_locate_line(error)}",
            reason=_describe_error(error),
            hint=_suggest_hint(source, error),
        ) from error


def _describe_error(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "it ended the program"
    line = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {line[:300]}"


def _locate_line(error: BaseException) -> str:
    """Return the innermost line of a user's file in the traceback, as ` in line N of FILE`."""
    if isinstance(error, SyntaxError):
        return f" in line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    user_frames = [frame for frame in frames if _is_user_file(frame.filename)]
    if not user_frames:
        return ""
    return f" in line {user_frames[-1].lineno} of {Path(user_frames[-1].filename).name}"


def _is_user_file(filename: str) -> bool:
    installed = "site-packages" in filename or filename.startswith("<")
    return not installed and not filename.startswith((sys.prefix, sys.base_prefix, PACKAGE_FOLDER))


def _suggest_hint(source: str, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == source.partition(".")[0]:
        return "a module must be installed or on PYTHONPATH; a file ends in .py"
    return "it must be importable by itself, without training or parsing a command line"


def _import_file(path: Path) -> ModuleType:
    """Import a Python file as a module, or return it if it is imported already."""
    if not path.is_file():
        raise UsageError(f"--code {path}: there is no such file")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # so that it can import files next to it
    name = path.stem
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path.resolve()):
        return sys.modules[name]
    # A file that is called like an imported module, such as random.py, must not replace it.
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
        # Otherwise the next import would take the unfinished module for a whole one.
        del sys.modules[name]
        raise
    return module
