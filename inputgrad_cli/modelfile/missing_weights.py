"""Refuses models whose layers need more weights than the file has arrays."""

from __future__ import annotations

from typing import Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.allowed_config_names import is_keras_class
from inputgrad_cli.modelfile.config_errors import convert_config_errors
from inputgrad_cli.modelfile.config_object_traversal import get_module, walk_objects
from inputgrad_cli.modelfile.model_file import ModelFile

WEIGHTED_LAYERS = {
    "Dense", "EinsumDense", "Embedding", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose",
    "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D",
    "SeparableConv2D", "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D",
    "MultiHeadAttention", "GroupQueryAttention",
}  # fmt: skip
SPARE_LAYERS = 64  # layers that an older file may list several times and save once


@convert_config_errors
def refuse_missing_weights(file: ModelFile) -> None:
    """Raise ModelError if most layers lack weights, because Keras builds all before it notices."""
    if file.form == "saved_model":
        return
    layers, shared = 0, set[Any]()
    for node in walk_objects(file.config):
        name = node["class_name"]
        if name in WEIGHTED_LAYERS and is_keras_class(name, get_module(node)):
            object_id = node.get("shared_object_id")
            layers += object_id is None or object_id not in shared
            shared.add(object_id)
    if layers > 2 * len(file.arrays) + SPARE_LAYERS:
        raise ModelError(
            f"{file.path}: {layers} layers need weights, the file has {len(file.arrays)} arrays",
            hint="check the file; a model and its weights belong together",
            kind="unsafe",
        )
