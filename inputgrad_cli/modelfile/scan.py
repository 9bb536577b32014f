"""What a configuration would make Keras run: custom code that is needed, code that is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.archive import ModelFile
from inputgrad_cli.modelfile.nodes import objects

# What can run code or reach files and the network as it is opened.
UNSAFE = {
    "Lambda": "a Lambda layer holds Python code",
    "__lambda__": "it holds Python byte code",
    "__typespec__": "it names TensorFlow internals",
    "TFSMLayer": "it loads another SavedModel",
    "TorchModuleWrapper": "it unpacks a pickled Torch module",
    "JaxLayer": "it holds a JAX function",
    "FlaxLayer": "it holds a Flax module",
}
PLAIN = {"__keras_tensor__", "__numpy__", "__tensor__", "__slice__", "__ellipsis__", "__tuple__"}
# Functions of Keras's own that some versions write as if they were the user's.
KERAS_FUNCTIONS = {
    "celu", "elu", "exponential", "gelu", "glu", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
    "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "sparsemax", "swish", "tanh",
}  # fmt: skip
# Keras writes its own activations and the like by bare name, with the module "builtins".
FUNCTION_MODULES = {"builtins", "keras.activations", "keras.ops", "keras.losses", "keras.metrics"}


@dataclass(frozen=True)
class Custom:
    """A class or function of the user's that the model needs."""

    name: str
    module: str | None
    registered: str | None


def custom_objects(config: Any) -> list[Custom]:
    """Return what the model needs beside Keras, each once, in file order."""
    found: dict[str, Custom] = {}
    for node in objects(config):
        if (item := _custom(node)) is not None:
            found.setdefault(item.registered or item.name, item)
    return list(found.values())


def _custom(node: Mapping[str, Any]) -> Custom | None:
    name, module, registered = (node.get(k) for k in ("class_name", "module", "registered_name"))
    if name in PLAIN or name in UNSAFE:
        return None
    if name == "function":
        return _custom_function(node)
    if isinstance(module, str) and (module == "keras" or module.startswith("keras.")):
        return None
    if "module" not in node and "registered_name" not in node:
        return None  # an old layer written by bare name, or a plain record
    return Custom(
        str(name),
        module if isinstance(module, str) else None,
        registered if isinstance(registered, str) else None,
    )


def _custom_function(node: Mapping[str, Any]) -> Custom | None:
    name, module = node.get("config"), node.get("module")
    if not isinstance(name, str) or module != "builtins" or name in KERAS_FUNCTIONS:
        return None
    registered = node.get("registered_name")
    known = isinstance(registered, str) and registered != "function"
    return Custom(name.rpartition(">")[2], None, registered if known else None)


def refuse_unsafe(file: ModelFile) -> None:
    """Raise ModelError where the archive holds what can run code."""
    for node in objects(file.config):
        if reason := unsafe(node):
            raise ModelError(
                f"{file.path}: refused, opening it could run code from the file",
                reason=reason,
                mend="save the model without it, as a layer of your own passed by --code",
                kind="unsafe",
            )


def unsafe(node: Mapping[str, Any]) -> str:
    """Return why an object may not be opened, or nothing."""
    name = node["class_name"]
    if name in UNSAFE:
        return UNSAFE[name]
    inner = node.get("config")
    vocabulary = inner.get("vocabulary") if isinstance(inner, Mapping) else None
    if isinstance(vocabulary, str):
        return f"{name} reads its vocabulary from {vocabulary!r}"
    module = node.get("module")
    if name == "function" and isinstance(module, str) and not module.startswith("keras"):
        return (
            "" if module in FUNCTION_MODULES else f"it names the function {inner!r} of {module!r}"
        )
    return ""


def refuse_missing(file: ModelFile, known: Iterable[str]) -> None:
    """Raise ModelError that names every custom object which no --code has brought."""
    names = set(known)
    missing = [
        item
        for item in custom_objects(file.config)
        if item.name not in names and (item.registered or "") not in names
    ]
    if not missing:
        return
    homes = [f"{m.name} (from {m.module})" if m.module else m.name for m in missing]
    raise ModelError(
        f"{file.path}: the model needs code of yours: {', '.join(homes)}",
        reason="a .keras file holds weights and settings, not the code of custom layers",
        mend="pass the file that defines it with --code FILE.py",
        kind="custom",
    )
