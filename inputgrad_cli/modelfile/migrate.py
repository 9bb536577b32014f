"""Configurations of older Keras versions, rewritten as this one writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inputgrad_cli.modelfile.config_nodes import layers, name_of, version_numbers

COMPILED = "compile_config"
ENDS = ("input_layers", "output_layers")
FUNCTIONAL = ("Functional", "Model")
# Arguments of Keras 2 that no longer exist; each only where its value meant nothing.
GONE: dict[str, tuple[Any, ...]] = {
    "time_major": (False,),
    "implementation": (0, 1, 2),
    "input_length": (None,),
    "batch_input_shape": (None,),
}
GROUPLESS = {"DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D",
             "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"}  # fmt: skip
NORMS = {"BatchNormalization", "LayerNormalization", "SyncBatchNormalization"}
MODULES = {
    "keras.src.engine.functional": "keras.src.models.functional",
    "keras.src.engine.sequential": "keras",
    "keras.src.engine.training": "keras",
    "keras.src.engine.input_layer": "keras.layers",
    "keras.engine.functional": "keras.src.models.functional",
    "keras.engine.sequential": "keras",
    "keras.mixed_precision": "keras",
}


def migrate(config: Mapping[str, Any], version: str, form: str) -> dict[str, Any]:
    """Return the configuration as Keras 3.15 would have written it, a copy where it differs.

    What would compile the model, or one inside it, is left out.
    """
    wrote = version_numbers(version)
    found: Any = config
    if wrote and wrote[0] == 2:
        found = _renumbered(_modernize(found))
    if wrote and wrote < [3, 6]:
        found = _without_range(found)
    if form == "h5" or (wrote and wrote < [3, 11]):
        found = _nested(found, outermost=True)
    return dict(_uncompiled(_with_lambdas(found)))


def _with_lambdas(node: Any) -> Any:
    """Return a node whose lambdas as activations say what they are: Keras drops that word."""
    if isinstance(node, list):
        return [_with_lambdas(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {"class_name": "__lambda__", "config": value}
        if key.endswith("activation") and isinstance(value, dict) and set(value) == {"value"}
        else _with_lambdas(value)
        for key, value in node.items()
    }


def _modernize(node: Any) -> Any:
    """Return a node of Keras 2 in the words of Keras 3."""
    if isinstance(node, list):
        return [_modernize(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _modernize(value) for key, value in node.items()}
    name = made.get("class_name")
    if isinstance(name, str) and isinstance(made.get("config"), dict):
        made = {**made, "config": _settings(name, made["config"])}
        if isinstance(made.get("module"), str):
            made["module"] = _module(made["module"], name)
        if name == "Policy":
            made |= {"class_name": "DTypePolicy", "module": "keras"}
        if name == "SyncBatchNormalization":
            made |= {"class_name": "BatchNormalization", "module": "keras.layers"}
            made["config"] = {**made["config"], "synchronized": True}
    return made


def _module(module: str, name: str) -> str:
    module = module.removeprefix("tf_") if module.startswith("tf_keras") else module
    if module.startswith(("keras.src.layers", "keras.layers.")):
        return "keras.layers"
    return MODULES.get(module, module) if name != "Functional" else "keras.src.models.functional"


def _settings(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a layer without those that Keras 3 no longer takes."""
    made = dict(config)
    if "batch_input_shape" in made:
        shape = made.pop("batch_input_shape")
        if name == "InputLayer":
            made["batch_shape"] = shape
    for key, harmless in GONE.items():
        if made.get(key, ...) in harmless:
            del made[key]
    if name == "Embedding":
        made.pop("input_length", None)
    if name in GROUPLESS and made.get("groups") == 1:
        del made["groups"]
    axis = made.get("axis")
    if name in NORMS and isinstance(axis, list) and len(axis) == 1:
        made["axis"] = axis[0]
    return made


def _nested(node: Any, outermost: bool = False) -> Any:
    """Return a node whose inner functional models name a single input as Keras 3.11 does.

    Older versions wrote `[[name, 0, 0]]`, which is now read as a list of one (keras#20084).
    """
    if isinstance(node, list):
        return [_nested(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _nested(value) for key, value in node.items()}
    inner = made.get("config")
    if not outermost and made.get("class_name") in FUNCTIONAL and isinstance(inner, dict):
        ends = {
            key: _single(inner[key]) for key in ("input_layers", "output_layers") if key in inner
        }
        made["config"] = {**inner, **ends}
    return made


def _single(ends: Any) -> Any:
    if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list):
        return ends[0]
    return ends


def _without_range(node: Any) -> Any:
    """Return a node whose RandomRotation names no value range: it never used it."""
    if isinstance(node, list):
        return [_without_range(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _without_range(value) for key, value in node.items()}
    if made.get("class_name") == "RandomRotation" and isinstance(made.get("config"), dict):
        made["config"] = {k: v for k, v in made["config"].items() if k != "value_range"}
    return made


def _renumbered(node: Any) -> Any:
    """Return a node whose inner models are called for the first time as number 0, not 1.

    Keras 2 counted the making of a model as its first call.
    """
    if isinstance(node, list):
        return [_renumbered(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _renumbered(value) for key, value in node.items()}
    if not isinstance(made.get("layers"), list):
        return made
    inner = [layer for layer in made["layers"] if isinstance(layer, dict) and layers(layer)]
    for layer in inner:
        name, calls = name_of(layer), layer.get("inbound_nodes")
        if isinstance(calls, list) and _refers(made, name, len(calls)):
            made = _called_earlier(made, name)
    return made


def _refers(node: Any, name: str, call: int) -> bool:
    """Return whether something in the node takes the result of call number `call`."""
    if isinstance(node, list) and node[:2] == [name, call]:
        return True
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return any(_refers(item, name, call) for item in inner)


def _called_earlier(node: Any, name: str) -> Any:
    """Return a node where every reference `[name, N, ...]` counts one less."""
    if isinstance(node, dict):
        return {key: _called_earlier(value, name) for key, value in node.items()}
    if not isinstance(node, list):
        return node
    if len(node) >= 3 and node[0] == name and isinstance(node[1], int) and node[1] > 0:
        return [name, node[1] - 1, *node[2:]]
    return [_called_earlier(item, name) for item in node]


def _uncompiled(node: Any) -> Any:
    """Return a node whose objects do not bring losses and optimizers: nothing needs them."""
    if isinstance(node, list):
        return [_uncompiled(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _uncompiled(value)
        for key, value in node.items()
        if key != COMPILED or "class_name" not in node
    }
