"""Finds the custom code that a model needs, and refuses what could run untrusted code.

Keras's safe mode is a list of what is forbidden and has been bypassed before; this is a list of
what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.errors import ModelError, UsageError
from inputgrad_cli.modelfile.allowed_config_names import (
    APPLICATION_LAYERS,
    BARE_MATH_FUNCTIONS,
    BARE_NN_FUNCTIONS,
    DTYPES,
    SERIALIZED_VALUES,
    TYPED_VALUES,
    UNSAFE_CLASSES,
    is_keras_class,
    is_keras_function,
)
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import (
    get_module,
    get_name,
    get_setting,
    parse_version,
    walk_objects,
)
from inputgrad_cli.modelfile.layer_call_limits import refuse_too_many_calls
from inputgrad_cli.modelfile.memory_limits import refuse_too_large
from inputgrad_cli.modelfile.missing_weights import refuse_missing_weights
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.option_choices import to_printable

MAX_NAMED = 8


@dataclass(frozen=True)
class CustomObject:
    """A class or function outside Keras that the model needs."""

    name: str
    module: str | None
    registered_name: str | None

    def __str__(self) -> str:
        return f"{self.name} (from {self.module})" if self.module else self.name


@convert_config_errors
def find_custom_objects(config: Any) -> list[CustomObject]:
    """Return the custom objects that the model needs, each once, in file order."""
    objects: dict[str, CustomObject] = {}
    for node in walk_objects(config):
        if (item := _to_custom_object(node)) is not None:
            objects.setdefault(item.registered_name or item.name, item)
    return list(objects.values())


@convert_config_errors
def find_bare_names(config: Any) -> list[tuple[str, CustomObject]]:
    """Return pairs of layer name and object for bare names taken for TensorFlow or Keras."""
    bare_names = []
    for node in walk_objects(config):
        if node["class_name"] in APPLICATION_LAYERS and "module" not in node:
            bare_names.append((get_name(node), CustomObject(node["class_name"], None, None)))
        for value in _list_object_settings(node):
            bare = value.get("class_name") == "function" and value.get("module") == "builtins"
            if bare and value.get("config") in {*BARE_NN_FUNCTIONS, *BARE_MATH_FUNCTIONS}:
                bare_names.append((get_name(node), CustomObject(value["config"], None, None)))
    return bare_names


def find_needed_objects(file: ModelFile) -> list[CustomObject]:
    """Return the custom objects and the bare names that the model needs."""
    return [
        *find_custom_objects(file.config),
        *(item for _, item in find_bare_names(file.config)),
    ]


def _list_object_settings(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    inner = node.get("config")
    values = inner.values() if isinstance(inner, Mapping) else ()
    return [value for value in values if isinstance(value, Mapping)]


def _to_custom_object(node: Mapping[str, Any]) -> CustomObject | None:
    name, registered = node.get("class_name"), node.get("registered_name")
    if not isinstance(name, str) or "config" not in node:
        return None
    if name in SERIALIZED_VALUES or name in UNSAFE_CLASSES:
        return None
    if name == "function":
        return _to_custom_function(node)
    module = get_module(node)
    if name in APPLICATION_LAYERS and "module" not in node:
        return None
    if (module is None and is_keras_class(name, None)) or _is_keras(module):
        return None
    return CustomObject(name, module, registered if isinstance(registered, str) else None)


def _to_custom_function(node: Mapping[str, Any]) -> CustomObject | None:
    name, module = node.get("config"), node.get("module")
    if not isinstance(name, str) or module != "builtins" or is_keras_function(name, "builtins"):
        return None
    return CustomObject(name.rpartition(">")[2], None, name if ">" in name else None)


def _is_keras(module: str | None) -> bool:
    return module is not None and (module == "keras" or module.startswith("keras."))


def find_danger(node: Mapping[str, Any]) -> str:
    """Return the reason why an object may not be opened, or an empty text."""
    name, inner = node["class_name"], node.get("config")
    if name in UNSAFE_CLASSES:
        return UNSAFE_CLASSES[name]
    if name in TYPED_VALUES:
        return _find_value_danger(name, get_setting(node, "dtype"))
    if name in SERIALIZED_VALUES or "config" not in node:
        return ""
    if reason := _find_lookup_danger(node):
        return reason
    if name == "function":
        return _find_function_danger(inner, node.get("module"))
    module = get_module(node)
    if _is_keras(module) and not is_keras_class(name, module):
        return f"it names {module}.{name}, which is not known to be harmless"
    vocabulary = inner.get("vocabulary") if isinstance(inner, Mapping) else None
    if isinstance(vocabulary, str) and (module is None or _is_keras(module)):
        return f"{name} reads its vocabulary from {vocabulary!r}"
    return ""


def _find_value_danger(name: str, dtype: Any) -> str:
    # NumPy allocates as many characters for each text as the dtype says.
    if dtype is None or dtype in DTYPES:
        return ""
    return f"it holds a {name} of dtype {dtype!r}"


def _find_lookup_danger(node: Mapping[str, Any]) -> str:
    """Return why Keras could build another class than the named one, or an empty text."""
    name, registered = node["class_name"], node.get("registered_name")
    written_name = node["config"] if name == "function" else name
    shared = node.get("shared_object_id")
    if shared is not None and type(shared) is not int:
        return f"{name} is shared by {shared!r}, which is not a number"
    # Keras writes "function" as the registered name of a function.
    if registered is None or registered in (written_name, name):
        return ""
    if not isinstance(registered, str) or ">" not in registered:
        return f"{written_name} is registered as {registered!r}, which is not its name"
    module = get_module(node)
    is_keras = _is_keras(module) or (module is None and is_keras_class(name, None))
    if (is_keras or name == "function") and registered.rpartition(">")[2] != written_name:
        return f"{written_name} is registered as {registered!r}, which is not its name"
    return ""


def _find_function_danger(name: Any, module: Any) -> str:
    if not isinstance(name, str) or not isinstance(module, str):
        return "it names a function without a name or a module"
    if module == "builtins" or is_keras_function(name, module):
        return ""
    return f"it names the function {module}.{name}"


@convert_config_errors
def find_dangers(file: ModelFile) -> list[str]:
    """Return the reasons why the model needs trust to be opened, each once, in file order."""
    if file.form == "saved_model":
        return ["a SavedModel is a program of TensorFlow's, which can read and write files"]
    reasons: dict[str, None] = {}
    for node in walk_objects(file.config):
        if reason := find_danger(node):
            layer = get_name(node)
            reasons.setdefault(f"{reason} (layer {layer!r})" if layer else reason)
    for node in walk_objects(file.compiled) if file.form == "h5" else ():
        if reason := find_danger(node) or str(_to_custom_object(node) or ""):
            reasons.setdefault(f"{reason}, where the file would compile a model")
    return list(reasons)


@convert_config_errors
def refuse_unsafe_loss(loss: Any) -> None:
    """Raise UsageError if the loss that a file was compiled with could run code."""
    reason = next((reason for node in walk_objects(loss) if (reason := find_danger(node))), "")
    if reason:
        raise UsageError(
            "target loss:compiled: the loss in the file is refused",
            reason=_shorten(to_printable(reason)),
            hint="name one: loss:NAME",
        )


@convert_config_errors
def refuse_unsafe(file: ModelFile, trust: bool = False) -> None:
    """Raise ModelError for what could run code, unless trusted, and for what exceeds limits."""
    reasons = [] if trust else find_dangers(file)
    if reasons:
        others = f", and {len(reasons) - 1} more like it" if len(reasons) > 1 else ""
        raise ModelError(
            f"{file.path}: refused, opening it could run code or read your files",
            reason=_shorten(reasons[0]) + others,
            hint=_suggest_remedy(file),
            kind="unsafe",
        )
    refuse_too_many_calls(file)
    refuse_too_large(file)
    refuse_missing_weights(file)


def _suggest_remedy(file: ModelFile) -> str:
    from importlib.metadata import version  # slow to import, and needed only for this message

    trust = "if you trust who made it, pass --trust-model"
    saved_by, installed = file.keras_version or "", version("keras")
    if parse_version(saved_by) <= parse_version(installed):
        return trust
    return f"it was saved by Keras {saved_by}, this is {installed}: upgrade it, or {trust}"


@convert_config_errors
def refuse_missing_objects(file: ModelFile, known: Iterable[str], code: Sequence[str] = ()) -> None:
    """Raise ModelError that names the custom objects which no --code file defines."""
    names = set(known)
    missing = [
        item
        for item in find_custom_objects(file.config)
        if item.name not in names and (item.registered_name or "") not in names
    ]
    if not missing:
        return
    listed = ", ".join(_shorten(str(item)) for item in missing[:MAX_NAMED])
    if len(missing) > MAX_NAMED:
        listed += f" and {len(missing) - MAX_NAMED} more"
    raise ModelError(
        f"{file.path}: the model needs code for custom objects: {listed}",
        reason="a model file holds weights and settings, not the code of custom layers",
        hint=_suggest_code(missing[0], code),
        kind="custom",
    )


def _suggest_code(item: CustomObject, code: Sequence[str]) -> str:
    package = (item.module or "").partition(".")[0]
    if code:
        files_have = f"{' and '.join(code)} {'has' if len(code) == 1 else 'have'}"
        return f"{files_have} nothing called {item.name}: define or import it there"
    if package in ("keras_hub", "keras_cv", "keras_nlp"):
        return f"install {package} and pass --code {package}"
    if package and package.isidentifier() and package not in ("__main__", "builtins", "tensorflow"):
        return f"pass the file that defines it with --code, such as --code {package}.py"
    return "pass the file that defines or imports it with --code FILE.py"


def _shorten(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."
