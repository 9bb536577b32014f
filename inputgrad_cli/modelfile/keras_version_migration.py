"""Rewrites the configurations of older Keras versions as Keras 3.15 writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inputgrad_cli.modelfile.config_object_traversal import (
    ENDS,
    get_name,
    list_layers,
    parse_version,
)

COMPILE_KEY = "compile_config"
FUNCTIONAL = ("Functional", "Model")
# Arguments of Keras 2 that no longer exist, with the values at which they had no effect.
REMOVED_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "time_major": (False,),
    "implementation": (0, 1, 2),
    "input_length": (None,),
    "batch_input_shape": (None,),
}
LAYERS_WITHOUT_GROUPS = {"DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D",
             "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"}  # fmt: skip
NORMALIZATIONS = {"BatchNormalization", "LayerNormalization", "SyncBatchNormalization"}
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
    """Return the configuration as Keras 3.15 would have written it; the argument is not changed.

    What would compile the model, or a model inside it, is left out.
    """
    version_parts = parse_version(version)
    migrated: Any = config
    if version_parts and version_parts[0] == 2:
        migrated = _renumber_calls(_modernize(migrated))
    if version_parts and version_parts < [3, 6]:
        migrated = _drop_value_range(migrated)
    if form == "h5" or (version_parts and version_parts < [3, 11]):
        migrated = _unwrap_inner_ends(migrated, outermost=True)
    return dict(_drop_compile_config(_mark_lambdas(migrated)))


def _mark_lambdas(node: Any) -> Any:
    """Return a node whose activation lambdas have the class name that Keras drops from them."""
    if isinstance(node, list):
        return [_mark_lambdas(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {"class_name": "__lambda__", "config": value}
        if key.endswith("activation") and isinstance(value, dict) and set(value) == {"value"}
        else _mark_lambdas(value)
        for key, value in node.items()
    }


def _modernize(node: Any) -> Any:
    """Return a node of Keras 2 with the class names, modules and arguments of Keras 3."""
    if isinstance(node, list):
        return [_modernize(item) for item in node]
    if not isinstance(node, dict):
        return node
    modern = {key: _modernize(value) for key, value in node.items()}
    name = modern.get("class_name")
    if isinstance(name, str) and isinstance(modern.get("config"), dict):
        modern = {**modern, "config": _modernize_settings(name, modern["config"])}
        if isinstance(modern.get("module"), str):
            modern["module"] = _modernize_module(modern["module"], name)
        if name == "Policy":
            modern |= {"class_name": "DTypePolicy", "module": "keras"}
        if name == "SyncBatchNormalization":
            modern |= {"class_name": "BatchNormalization", "module": "keras.layers"}
            modern["config"] = {**modern["config"], "synchronized": True}
    return modern


def _modernize_module(module: str, name: str) -> str:
    module = module.removeprefix("tf_") if module.startswith("tf_keras") else module
    if module.startswith(("keras.src.layers", "keras.layers.")):
        return "keras.layers"
    return MODULES.get(module, module) if name != "Functional" else "keras.src.models.functional"


def _modernize_settings(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a layer without those that Keras 3 no longer accepts."""
    arguments = dict(config)
    if "batch_input_shape" in arguments:
        shape = arguments.pop("batch_input_shape")
        if name == "InputLayer":
            arguments["batch_shape"] = shape
    for key, harmless in REMOVED_ARGUMENTS.items():
        if arguments.get(key, ...) in harmless:
            del arguments[key]
    if name == "Embedding":
        arguments.pop("input_length", None)
    if name in LAYERS_WITHOUT_GROUPS and arguments.get("groups") == 1:
        del arguments["groups"]
    axis = arguments.get("axis")
    if name in NORMALIZATIONS and isinstance(axis, list) and len(axis) == 1:
        arguments["axis"] = axis[0]
    return arguments


def _unwrap_inner_ends(node: Any, outermost: bool = False) -> Any:
    """Return a node whose inner functional models write a single input as Keras 3.11 does.

    Older versions wrote `[[name, 0, 0]]`, which is now read as a list of one tensor (keras#20084).
    """
    if isinstance(node, list):
        return [_unwrap_inner_ends(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _unwrap_inner_ends(value) for key, value in node.items()}
    inner = copy.get("config")
    if not outermost and copy.get("class_name") in FUNCTIONAL and isinstance(inner, dict):
        ends = {key: _unwrap_single(inner[key]) for key in ENDS if key in inner}
        copy["config"] = {**inner, **ends}
    return copy


def _unwrap_single(ends: Any) -> Any:
    if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list):
        return ends[0]
    return ends


def _drop_value_range(node: Any) -> Any:
    """Return a node whose RandomRotation layers have no value range, which they never used."""
    if isinstance(node, list):
        return [_drop_value_range(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _drop_value_range(value) for key, value in node.items()}
    if copy.get("class_name") == "RandomRotation" and isinstance(copy.get("config"), dict):
        copy["config"] = {k: v for k, v in copy["config"].items() if k != "value_range"}
    return copy


def _renumber_calls(node: Any) -> Any:
    """Return a node whose inner models have call index 0, not 1, at their first call.

    Keras 2 counted the construction of a model as its first call.
    """
    if isinstance(node, list):
        return [_renumber_calls(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _renumber_calls(value) for key, value in node.items()}
    if not isinstance(copy.get("layers"), list):
        return copy
    inner = [layer for layer in copy["layers"] if isinstance(layer, dict) and list_layers(layer)]
    for layer in inner:
        name, calls = get_name(layer), layer.get("inbound_nodes")
        if isinstance(calls, list) and _has_reference(copy, name, len(calls)):
            copy = _shift_references(copy, name)
    return copy


def _has_reference(node: Any, name: str, call: int) -> bool:
    """Return whether anything in the node takes the result of call `call` of layer `name`."""
    if isinstance(node, list) and node[:2] == [name, call]:
        return True
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return any(_has_reference(item, name, call) for item in inner)


def _shift_references(node: Any, name: str) -> Any:
    """Return a node in which every reference `[name, N, ...]` is `[name, N - 1, ...]`."""
    if isinstance(node, dict):
        return {key: _shift_references(value, name) for key, value in node.items()}
    if not isinstance(node, list):
        return node
    if len(node) >= 3 and node[0] == name and isinstance(node[1], int) and node[1] > 0:
        return [name, node[1] - 1, *node[2:]]
    return [_shift_references(item, name) for item in node]


def _drop_compile_config(node: Any) -> Any:
    """Return a node without compile settings, because losses and optimizers are not needed."""
    if isinstance(node, list):
        return [_drop_compile_config(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _drop_compile_config(value)
        for key, value in node.items()
        if key != COMPILE_KEY or "class_name" not in node
    }
