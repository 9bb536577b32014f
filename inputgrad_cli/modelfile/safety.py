"""What a configuration would make Keras run: custom code that is needed, code that is refused.

Keras's own safe mode is a list of what is forbidden and has been got round before; this is a list
of what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.choices import printable
from inputgrad_cli.errors import ModelError, UsageError
from inputgrad_cli.modelfile.allow_list import (
    APPLIED,
    NUMBERS,
    PLAIN,
    PRIVATE,
    SHARED,
    UNSAFE,
    VALUES,
    is_keras_class,
    is_keras_function,
)
from inputgrad_cli.modelfile.call_limits import refuse_doubling
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import (
    module_of,
    name_of,
    objects,
    setting,
    version_numbers,
)
from inputgrad_cli.modelfile.memory_limits import refuse_huge
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.weight_counts import refuse_lacking

MOST_NAMED = 8


@dataclass(frozen=True)
class Custom:
    """A class or function of the user's that the model needs."""

    name: str
    module: str | None
    registered: str | None

    def __str__(self) -> str:
        return f"{self.name} (from {self.module})" if self.module else self.name


@reads_config
def custom_objects(config: Any) -> list[Custom]:
    """Return what the model needs beside Keras, each once, in file order."""
    found: dict[str, Custom] = {}
    for node in objects(config):
        if (item := _custom(node)) is not None:
            found.setdefault(item.registered or item.name, item)
    return list(found.values())


@reads_config
def borrowed(config: Any) -> list[tuple[str, Custom]]:
    """Return what is taken for TensorFlow's or Keras's by its bare name, with its layer's name."""
    found = []
    for node in objects(config):
        if node["class_name"] in APPLIED and "module" not in node:
            found.append((name_of(node), Custom(node["class_name"], None, None)))
        for value in _values(node):
            bare = value.get("class_name") == "function" and value.get("module") == "builtins"
            if bare and value.get("config") in {*PRIVATE, *SHARED}:
                found.append((name_of(node), Custom(value["config"], None, None)))
    return found


def _values(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    inner = node.get("config")
    values = inner.values() if isinstance(inner, Mapping) else ()
    return [value for value in values if isinstance(value, Mapping)]


def _custom(node: Mapping[str, Any]) -> Custom | None:
    name, registered = node.get("class_name"), node.get("registered_name")
    if name in PLAIN or name in UNSAFE or not isinstance(name, str) or "config" not in node:
        return None
    if name == "function":
        return _custom_function(node)
    home = module_of(node)
    if name in APPLIED and "module" not in node:
        return None
    if (home is None and is_keras_class(name, None)) or _is_keras(home):
        return None
    return Custom(name, home, registered if isinstance(registered, str) else None)


def _custom_function(node: Mapping[str, Any]) -> Custom | None:
    name, module = node.get("config"), node.get("module")
    if not isinstance(name, str) or module != "builtins" or is_keras_function(name, "builtins"):
        return None
    return Custom(name.rpartition(">")[2], None, name if ">" in name else None)


def _is_keras(module: str | None) -> bool:
    return module is not None and (module == "keras" or module.startswith("keras."))


def unsafe(node: Mapping[str, Any]) -> str:
    """Return why an object may not be opened, or nothing."""
    name, module, inner = node["class_name"], node.get("module"), node.get("config")
    if name in UNSAFE:
        return UNSAFE[name]
    if name in VALUES:
        return _unsafe_value(name, setting(node, "dtype"))
    if name in PLAIN or "config" not in node:
        return ""
    if reason := _unsafe_lookup(node):
        return reason
    if name == "function":
        return _unsafe_function(inner, module)
    home = module_of(node)
    if _is_keras(home) and not is_keras_class(name, home):
        return f"it names {home}.{name}, which is no layer that is known to be harmless"
    vocabulary = inner.get("vocabulary") if isinstance(inner, Mapping) else None
    if isinstance(vocabulary, str) and (home is None or _is_keras(home)):
        return f"{name} reads its vocabulary from {vocabulary!r}"
    return ""


def _unsafe_value(name: str, dtype: Any) -> str:
    # NumPy would allocate as many characters for each text as its dtype says.
    if dtype is None or dtype in NUMBERS:
        return ""
    return f"it holds a {name} of dtype {dtype!r}"


def _unsafe_lookup(node: Mapping[str, Any]) -> str:
    """Return why Keras could build another class than the one that is named, or nothing."""
    name, registered = node["class_name"], node.get("registered_name")
    own = node["config"] if name == "function" else name
    shared = node.get("shared_object_id")
    if shared is not None and type(shared) is not int:
        return f"{name} is shared by {shared!r}, which is no number"
    if registered is None or registered in (own, name):  # of functions Keras writes "function"
        return ""
    if not isinstance(registered, str) or ">" not in registered:
        return f"{own} is registered as {registered!r}, which is not its name"
    home = module_of(node)
    is_keras = _is_keras(home) or (home is None and is_keras_class(name, None))
    if (is_keras or name == "function") and registered.rpartition(">")[2] != own:
        return f"{own} is registered as {registered!r}, which is not its name"
    return ""


def _unsafe_function(name: Any, module: Any) -> str:
    if not isinstance(name, str) or not isinstance(module, str):
        return "it names a function without a name or a module"
    if module == "builtins" or is_keras_function(name, module):
        return ""
    return f"it names the function {module}.{name}"


@reads_config
def dangers(file: ModelFile) -> list[str]:
    """Return why the model may only be opened with trust, each reason once, in file order."""
    if file.form == "saved_model":
        return ["a SavedModel is a program of TensorFlow's, which can read and write files"]
    found: dict[str, None] = {}
    for node in objects(file.config):
        if reason := unsafe(node):
            layer = name_of(node)
            found.setdefault(f"{reason} (layer {layer!r})" if layer else reason)
    for node in objects(file.compiled) if file.form == "h5" else ():
        if reason := unsafe(node) or str(_custom(node) or ""):
            found.setdefault(f"{reason}, where the file would compile a model")
    return list(found)


@reads_config
def refuse_unsafe_loss(loss: Any) -> None:
    """Raise UsageError for the loss that a file was compiled with, where it could run code."""
    reason = next((reason for node in objects(loss) if (reason := unsafe(node))), "")
    if reason:
        raise UsageError(
            "target loss:compiled: the loss in the file is refused",
            reason=_cut(printable(reason)),
            mend="name one: loss:NAME",
        )


@reads_config
def refuse_unsafe(file: ModelFile, trust: bool = False) -> None:
    """Raise ModelError for what could run code, unless trusted, and for what has no end."""
    reasons = [] if trust else dangers(file)
    if reasons:
        more = f", and {len(reasons) - 1} more like it" if len(reasons) > 1 else ""
        raise ModelError(
            f"{file.path}: refused, opening it could run code or read files of yours",
            reason=_cut(reasons[0]) + more,
            mend=_way_out(file),
            kind="unsafe",
        )
    refuse_doubling(file)
    refuse_huge(file)
    refuse_lacking(file)


def _way_out(file: ModelFile) -> str:
    from importlib.metadata import version  # slow to import, and needed for this sentence alone

    trust = "if you trust who made it, pass --trust-model"
    wrote, here = file.keras_version or "", version("keras")
    if version_numbers(wrote) <= version_numbers(here):
        return trust
    return f"it was saved by Keras {wrote}, this is {here}: upgrade it, or {trust}"


@reads_config
def refuse_missing(file: ModelFile, known: Iterable[str], code: Sequence[str] = ()) -> None:
    """Raise ModelError that names every custom object which no --code has brought."""
    names = set(known)
    missing = [
        item
        for item in custom_objects(file.config)
        if item.name not in names and (item.registered or "") not in names
    ]
    if not missing:
        return
    listed = ", ".join(_cut(str(item)) for item in missing[:MOST_NAMED])
    if len(missing) > MOST_NAMED:
        listed += f" and {len(missing) - MOST_NAMED} more"
    raise ModelError(
        f"{file.path}: the model needs code of yours: {listed}",
        reason="a model file holds weights and settings, not the code of custom layers",
        mend=_advice(missing[0], code),
        kind="custom",
    )


def _advice(item: Custom, code: Sequence[str]) -> str:
    home = (item.module or "").partition(".")[0]
    if code:
        which = f"{' and '.join(code)} {'has' if len(code) == 1 else 'have'}"
        return f"{which} nothing called {item.name}: define or import it there"
    if home in ("keras_hub", "keras_cv", "keras_nlp"):
        return f"install {home} and pass --code {home}"
    if home and home.isidentifier() and home not in ("__main__", "builtins", "tensorflow"):
        return f"pass the file that defines it with --code, such as --code {home}.py"
    return "pass the file that defines or imports it with --code FILE.py"


def _cut(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."
