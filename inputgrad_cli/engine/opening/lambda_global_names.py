"""Supplies the names that Lambdas of a trusted file use; they are saved without their script."""

from __future__ import annotations

import builtins
import codecs
import dis
import importlib
import marshal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import CodeType, ModuleType
from typing import Any

from inputgrad_cli.engine.adapter.type_aliases import CustomObjects
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import get_name
from inputgrad_cli.modelfile.model_file import ModelFile

# The usual names of modules in scripts; names that a --code file defines take precedence.
USUAL_MODULES = {
    "tf": "tensorflow",
    "tensorflow": "tensorflow",
    "np": "numpy",
    "numpy": "numpy",
    "math": "math",
    "layers": "keras.layers",
    "L": "keras.layers",
    "ops": "keras.ops",
    "activations": "keras.activations",
}
# Older scripts use functions of the Keras backend, which Keras 3 exports only in this module.
BACKEND = "keras._tf_keras.keras.backend"


def build_namespace(modules: Sequence[ModuleType]) -> CustomObjects:
    """Return the global names of Lambdas: those of the --code files, and the usual modules."""
    import keras

    backend = importlib.import_module(BACKEND)
    modules_by_name = {
        name: importlib.import_module(module_name) for name, module_name in USUAL_MODULES.items()
    }
    keras_module = ModuleType("keras")
    vars(keras_module).update(vars(keras), backend=backend)
    names: CustomObjects = {
        **modules_by_name,
        "K": backend,
        "backend": backend,
        "keras": keras_module,
    }
    for module in modules:
        names |= {name: value for name, value in vars(module).items() if name[:2] != "__"}
    return {**names, "__builtins__": builtins, "__name__": "lambda"}


@contextmanager
def use_names(names: Mapping[str, Any]) -> Iterator[None]:
    """Use `names` as the global names of every Lambda that Keras unpacks in this block."""
    from keras.src.utils import python_utils

    unpack = python_utils.func_load

    def unpack_with_names(
        code: Any, defaults: Any = None, closure: Any = None, globs: Any = None
    ) -> Any:
        if isinstance(defaults, list):  # JSON stores tuples as lists
            defaults = tuple(defaults)
        return unpack(code, defaults, closure, names if globs is None else globs)

    python_utils.func_load = unpack_with_names
    try:
        yield
    finally:
        python_utils.func_load = unpack


def refuse_unknown_names(
    file: ModelFile, names: Mapping[str, Any], code: Sequence[str] = ()
) -> None:
    """Raise ModelError for a Lambda that uses unknown names, or that cannot be unpacked.

    The file must be trusted, because `marshal` is not safe for byte code from unknown sources.
    """
    for layer, packed in list_packed_lambdas(file.config):
        used = _list_global_names(_unpack(file, layer, packed))
        missing = [name for name in used if name not in names and not hasattr(builtins, name)]
        if not missing:
            continue
        shown = " and ".join(repr(name) for name in missing)
        files = " and ".join(code)
        raise ModelError(
            f"{file.path}: {layer} uses the name{'s' * (len(missing) > 1)} {shown}",
            reason=f"{files} has no such name"
            if code
            else "a Lambda is saved without the script that it was written in",
            hint=f"define or import {shown} in a file, and pass it with --code FILE.py",
            kind="custom",
        )


@convert_config_errors
def list_packed_lambdas(config: Any) -> list[tuple[str, str]]:
    """Return a description of the layer and the packed byte code of every Lambda in a config."""
    lambdas: list[tuple[str, str]] = []
    stack: list[tuple[Any, str]] = [(config, "a Lambda")]
    while stack:
        node, layer = stack.pop()
        if isinstance(node, Mapping):
            kind, inner = node.get("class_name"), node.get("config")
            if kind == "__lambda__" and isinstance(inner, Mapping):
                lambdas += [(layer, text) for text in _read_byte_code(inner)]
                continue
            if isinstance(kind, str) and get_name(node):
                is_layer = kind == "Lambda"
                layer = f"{'the Lambda' if is_layer else 'a lambda in layer'} {get_name(node)!r}"
            stack.extend((value, layer) for value in reversed(list(node.values())))
        elif isinstance(node, list):
            stack.extend((value, layer) for value in reversed(node))
    return lambdas


def _read_byte_code(inner: Mapping[str, Any]) -> list[str]:
    """Return the byte code of a lambda in a list, which is empty if there is none.

    Keras has written it in three ways.
    """
    text = inner.get("code", inner.get("value"))
    if isinstance(text, Mapping):  # Keras wraps tuples in a mapping
        text = (text.get("config") or {}).get("value")
    if isinstance(text, list) and text:
        text = text[0]
    return [text] if isinstance(text, str) else []


def _unpack(file: ModelFile, layer: str, packed: str) -> CodeType:
    """Return the code of a Lambda; ModelError if this Python cannot run it."""
    try:
        try:
            raw = codecs.decode(packed.encode("ascii"), "base64")
        except ValueError:  # Keras on Windows did not use base64
            raw = packed.encode("raw_unicode_escape")
        code = marshal.loads(raw)
        if isinstance(code, CodeType) and _is_of_this_python(code):
            return code
    except (EOFError, ValueError, TypeError):
        pass
    raise ModelError(
        f"{file.path}: {layer} holds byte code that this Python cannot run",
        reason="it was saved by another version of Python",
        hint="open and save it again with that version, or save it with a layer of Keras's own",
        kind="custom",
    )


def _is_of_this_python(code: CodeType) -> bool:
    """Return whether this Python knows all instructions; others would crash the process."""
    return all(
        not instruction.opname.startswith("<")
        for part in _walk_code(code)
        for instruction in dis.get_instructions(part)
    )


def _walk_code(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _walk_code(constant)


def _list_global_names(code: CodeType) -> list[str]:
    """Return the global names that byte code and its inner functions use, without repeats."""
    names: dict[str, None] = {}
    for part in _walk_code(code):
        for instruction in dis.get_instructions(part):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                names[str(instruction.argval)] = None
    return list(names)
