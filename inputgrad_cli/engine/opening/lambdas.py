"""Lambdas of a trusted file: they are saved without the script whose names they use."""

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

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import name_of
from inputgrad_cli.modelfile.model_file import ModelFile

# The names that scripts give to these modules; a --code file that means others by them wins.
USUAL = {
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
# Older scripts use functions of the backend that Keras 3 exports for TensorFlow's users alone.
BACKEND = "keras._tf_keras.keras.backend"


def namespace(modules: Sequence[ModuleType]) -> dict[str, Any]:
    """Return the names that a Lambda finds: of the --code files, else the usual ones."""
    import keras

    backend = importlib.import_module(BACKEND)
    usual = {name: importlib.import_module(home) for name, home in USUAL.items()}
    whole = ModuleType("keras")
    vars(whole).update(vars(keras), backend=backend)
    names: dict[str, Any] = {**usual, "K": backend, "backend": backend, "keras": whole}
    for module in modules:
        names |= {name: value for name, value in vars(module).items() if name[:2] != "__"}
    return {**names, "__builtins__": builtins, "__name__": "lambda"}


@contextmanager
def names_given(names: Mapping[str, Any]) -> Iterator[None]:
    """Let every Lambda that Keras unpacks in this block look for its names there."""
    from keras.src.utils import python_utils

    unpack = python_utils.func_load

    def with_names(code: Any, defaults: Any = None, closure: Any = None, globs: Any = None) -> Any:
        if isinstance(defaults, list):  # JSON has no tuples
            defaults = tuple(defaults)
        return unpack(code, defaults, closure, names if globs is None else globs)

    python_utils.func_load = with_names
    try:
        yield
    finally:
        python_utils.func_load = unpack


def refuse_nameless(file: ModelFile, names: Mapping[str, Any], code: Sequence[str] = ()) -> None:
    """Raise ModelError for a Lambda that uses names which nobody gives, or that cannot be read.

    The file must be trusted: what reads its byte code was not made for the bytes of strangers.
    """
    for layer, packed in packed_lambdas(file.config):
        used = _names_used(_unpack(file, layer, packed))
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
            mend=f"define or import {shown} in a file, and pass it with --code FILE.py",
            kind="custom",
        )


@reads_config
def packed_lambdas(config: Any) -> list[tuple[str, str]]:
    """Return every Lambda of a configuration: the layer in words, and its packed byte code."""
    found: list[tuple[str, str]] = []
    stack: list[tuple[Any, str]] = [(config, "a Lambda")]
    while stack:
        node, layer = stack.pop()
        if isinstance(node, Mapping):
            kind, inner = node.get("class_name"), node.get("config")
            if kind == "__lambda__" and isinstance(inner, Mapping):
                found += [(layer, text) for text in _texts(inner)]
                continue
            if isinstance(kind, str) and name_of(node):
                within = kind == "Lambda"
                layer = f"{'the Lambda' if within else 'a lambda in layer'} {name_of(node)!r}"
            stack.extend((value, layer) for value in reversed(list(node.values())))
        elif isinstance(node, list):
            stack.extend((value, layer) for value in reversed(node))
    return found


def _texts(inner: Mapping[str, Any]) -> list[str]:
    """Return the byte code of a lambda, which is written in one of three ways."""
    text = inner.get("code", inner.get("value"))
    if isinstance(text, Mapping):  # a tuple, as Keras writes them
        text = (text.get("config") or {}).get("value")
    if isinstance(text, list) and text:
        text = text[0]
    return [text] if isinstance(text, str) else []


def _unpack(file: ModelFile, layer: str, packed: str) -> CodeType:
    try:
        try:
            raw = codecs.decode(packed.encode("ascii"), "base64")
        except ValueError:  # as Keras wrote it on Windows
            raw = packed.encode("raw_unicode_escape")
        code = marshal.loads(raw)
        if isinstance(code, CodeType) and _is_of_this_python(code):
            return code
    except (EOFError, ValueError, TypeError):
        pass
    raise ModelError(
        f"{file.path}: {layer} holds byte code that this Python cannot run",
        reason="it was saved by another version of Python",
        mend="open and save it again with that version, or save it with a layer of Keras's own",
        kind="custom",
    )


def _is_of_this_python(code: CodeType) -> bool:
    """Return whether all instructions are known; what other versions mean would end the process."""
    return all(
        not instruction.opname.startswith("<")
        for inner in _every(code)
        for instruction in dis.get_instructions(inner)
    )


def _every(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _every(constant)


def _names_used(code: CodeType) -> list[str]:
    """Return the global names that byte code looks up, each once, functions within it included."""
    found: dict[str, None] = {}
    for inner in _every(code):
        for instruction in dis.get_instructions(inner):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                found[str(instruction.argval)] = None
    return list(found)
