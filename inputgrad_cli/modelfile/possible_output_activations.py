"""Lists every form that each output of a model may have, from its archive alone.

Whether an output ends in a softmax, and along which axis, is proved only when the model runs. A
request that every possible form refuses can be refused before that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inputgrad_cli.data.signature import OutputSpec, Shape
from inputgrad_cli.modelfile.allowed_config_names import MODELS
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import (
    get_module,
    get_name,
    get_setting,
    list_layers,
)
from inputgrad_cli.modelfile.inferred_layer_shapes import infer_output_shapes
from inputgrad_cli.modelfile.layer_graph import Tensor, list_ends
from inputgrad_cli.modelfile.layer_shape_rules import LAYER_MODULES

OutputForms = dict[str, tuple[OutputSpec, ...]]
END_ACTIVATIONS = {"softmax", "sigmoid", "log_softmax"}
# Activations after which an output ends neither in a softmax nor in a sigmoid.
OTHER_ACTIVATIONS = {
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "tanh", "softplus", "softsign",
    "exponential", "silu", "swish",
}  # fmt: skip
LAYERS_WITH_ACTIVATION = {
    "Activation", "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose",
    "Conv3DTranspose",
}  # fmt: skip


@convert_config_errors
def list_output_forms(config: Mapping[str, Any]) -> OutputForms:
    """Return the possible forms of each output by name, likeliest first, none for unknown shapes.

    The result is empty if the archive does not list the outputs, or if two have the same name.
    """
    nodes = {get_name(node): node for node in list_layers(config)}
    if not nodes or config["class_name"] not in MODELS:  # a custom `call` may do anything
        return {}
    if "output_layers" in config["config"]:
        outputs = [
            (label or tensor[0], tensor) for label, tensor in list_ends(config, "output_layers")
        ]
    else:
        last = get_name(list_layers(config)[-1])
        outputs = [(last, (last, 0, 0))]
    if len({name for name, _ in outputs}) < len(outputs):
        return {}
    shapes = infer_output_shapes(config)
    return {
        name: _list_forms(name, nodes[tensor[0]], shapes.get(tensor[0]))
        if _is_first(nodes.get(tensor[0]), tensor)
        else ()
        for name, tensor in outputs
    }


def _is_first(node: Mapping[str, Any] | None, tensor: Tensor) -> bool:
    """Return whether a tensor is the first output of a layer that is called only once."""
    calls = node.get("inbound_nodes") if node else None
    is_called_once = not isinstance(calls, list) or len(calls) < 2
    return node is not None and is_called_once and tensor[2] == 0


def _list_forms(name: str, node: Mapping[str, Any], shape: Shape | None) -> tuple[OutputSpec, ...]:
    if shape is None:
        return ()
    end = _find_end(node)
    if end == "":
        return (OutputSpec(name, shape),)
    if end == "sigmoid" or (end == "softmax" and shape[-1:] != (1,)):
        return (OutputSpec(name, shape, end, logits_verified=True),)
    return list_possible_forms(name, shape)


def list_possible_forms(name: str, shape: Shape) -> tuple[OutputSpec, ...]:
    """Return every form that an output of this shape can have."""
    axes = range(len(shape) - 1, -1, -1)
    softmax_forms = [
        OutputSpec(name, shape, "softmax", logits_verified=True, axis=axis) for axis in axes
    ]
    return (
        OutputSpec(name, shape),
        *softmax_forms,
        OutputSpec(name, shape, "sigmoid", logits_verified=True),
    )


def _find_end(node: Mapping[str, Any]) -> str | None:
    """Return the activation that ends a layer, an empty text if none does, None if unclear."""
    module, activation = get_module(node), get_setting(node, "activation")
    if module is not None and not module.startswith(LAYER_MODULES):
        return None
    if node.get("class_name") not in LAYERS_WITH_ACTIVATION or not isinstance(activation, str):
        return None
    if activation in OTHER_ACTIVATIONS:
        return ""
    return activation if activation in END_ACTIVATIONS else None
