"""What the archive tells of the outputs: every form that each may turn out to have.

Whether a softmax ends an output, and along which axis, is proved when the model runs. What every
form of an output refuses can be refused before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inputgrad_cli.data.signature import Head, Shape
from inputgrad_cli.modelfile.allow_list import MODELS
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import layers, module_of, name_of, setting
from inputgrad_cli.modelfile.graph import Tensor, ends
from inputgrad_cli.modelfile.layer_shapes import output_shapes
from inputgrad_cli.modelfile.shape_rules import HOMES

Forms = dict[str, tuple[Head, ...]]
ENDING = {"softmax", "sigmoid", "log_softmax"}
# Activations that leave no softmax or sigmoid at the end of what a layer gives.
PLAIN = {
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "tanh", "softplus", "softsign",
    "exponential", "silu", "swish",
}  # fmt: skip
ENDED_BY_ACTIVATION = {
    "Activation", "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose",
    "Conv3DTranspose",
}  # fmt: skip


@reads_config
def forms_of(config: Mapping[str, Any]) -> Forms:
    """Return the forms of each output by name, likeliest first; of an unknown shape none.

    Nothing at all where the archive does not tell the outputs, or not by names of their own.
    """
    nodes = {name_of(node): node for node in layers(config)}
    if not nodes or config["class_name"] not in MODELS:  # the `call` of a class of one's own
        return {}
    if "output_layers" in config["config"]:
        outputs = [(label or tensor[0], tensor) for label, tensor in ends(config, "output_layers")]
    else:
        last = name_of(layers(config)[-1])
        outputs = [(last, (last, 0, 0))]
    if len({name for name, _ in outputs}) < len(outputs):
        return {}
    shapes = output_shapes(config)
    return {
        name: _forms(name, nodes[tensor[0]], shapes.get(tensor[0]))
        if _is_first(nodes.get(tensor[0]), tensor)
        else ()
        for name, tensor in outputs
    }


def _is_first(node: Mapping[str, Any] | None, tensor: Tensor) -> bool:
    """Return whether a tensor is the only output of a layer's only call, as far as is written."""
    calls = node.get("inbound_nodes") if node else None
    once = not isinstance(calls, list) or len(calls) < 2
    return node is not None and once and tensor[2] == 0


def _forms(name: str, node: Mapping[str, Any], shape: Shape | None) -> tuple[Head, ...]:
    if shape is None:
        return ()
    end = _end(node)
    if end == "":
        return (Head(name, shape),)
    if end == "sigmoid" or (end == "softmax" and shape[-1:] != (1,)):
        return (Head(name, shape, end, proved=True),)
    return any_form(name, shape)


def any_form(name: str, shape: Shape) -> tuple[Head, ...]:
    """Return every form that an output of this shape can have."""
    axes = range(len(shape) - 1, -1, -1)
    soft = [Head(name, shape, "softmax", proved=True, axis=axis) for axis in axes]
    return (Head(name, shape), *soft, Head(name, shape, "sigmoid", proved=True))


def _end(node: Mapping[str, Any]) -> str | None:
    """Return the activation that ends a layer, nothing where none does; None: unclear."""
    home, activation = module_of(node), setting(node, "activation")
    if home is not None and not home.startswith(HOMES):
        return None
    if node.get("class_name") not in ENDED_BY_ACTIVATION or not isinstance(activation, str):
        return None
    return "" if activation in PLAIN else activation if activation in ENDING else None
