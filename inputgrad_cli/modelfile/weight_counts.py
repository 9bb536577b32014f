"""Layers that cannot be without weights, counted against the arrays that the file has."""

from __future__ import annotations

from typing import Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.allow_list import is_keras_class
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.config_nodes import module_of, objects
from inputgrad_cli.modelfile.model_file import ModelFile

WEIGHTED = {
    "Dense", "EinsumDense", "Embedding", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose",
    "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D",
    "SeparableConv2D", "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D",
    "MultiHeadAttention", "GroupQueryAttention",
}  # fmt: skip
SPARE = 64  # layers that may be written at several places of an older file, and saved once


@reads_config
def refuse_lacking(file: ModelFile) -> None:
    """Raise ModelError where most layers find no weights: Keras would build all before it looks."""
    if file.form == "saved_model":
        return
    layers, shared = 0, set[Any]()
    for node in objects(file.config):
        name = node["class_name"]
        if name in WEIGHTED and is_keras_class(name, module_of(node)):
            number = node.get("shared_object_id")
            layers += number is None or number not in shared
            shared.add(number)
    if layers > 2 * len(file.arrays) + SPARE:
        raise ModelError(
            f"{file.path}: {layers} layers need weights, the file has {len(file.arrays)} arrays",
            mend="check the file; a model and its weights belong together",
            kind="unsafe",
        )
