"""A model at a glance: what its archive tells, and what the opened model proves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli import api
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.archive import open_model
from inputgrad_cli.modelfile.nodes import objects
from inputgrad_cli.modelfile.outline import outline
from inputgrad_cli.modelfile.scan import custom_objects, unsafe
from inputgrad_cli.sample import Samples
from inputgrad_cli.signature import Head, Signature


def overview(path: Path) -> dict[str, Any]:
    """Return what the archive alone tells; None where only the opened model can."""
    file = open_model(path)
    shape = outline(file.config)
    pictures = any(port.is_picture for port in shape.inputs or ())
    how = api.preprocessing(file)
    return {
        "path": str(path),
        "kind": shape.kind,
        "name": shape.name,
        "size": file.size,
        "sha256": file.sha256,
        "keras_version": file.keras_version,
        "inputs": None if shape.inputs is None else [str(port) for port in shape.inputs],
        "outputs": None
        if shape.outputs is None
        else [f"{name} ({end})" if end else name for name, end in shape.outputs],
        "preprocess": f"{how.name} ({how.source})" if pictures else None,
        "custom": [
            f"{c.name} of {c.module}" if c.module else c.name for c in custom_objects(file.config)
        ],
        "unsafe": sorted({why for node in objects(file.config) if (why := unsafe(node))}),
        "layers": [f"{layer.name}  {layer.kind}" for layer in shape.layers],
    }


def prove(path: Path, code: Sequence[str]) -> dict[str, Any]:
    """Return inputs and outputs of the opened model, proved by a pass over a drawn sample."""
    model = api.load(path, code=code)
    model.settle(_drawn(model.signature))
    return {
        "inputs": [str(port) for port in model.signature.inputs],
        "outputs": [_told(head) for head in model.signature.outputs],
    }


def _drawn(signature: Signature) -> Samples:
    """Return one sample of noise; axes that may have any length get 32."""
    random = np.random.default_rng(0)
    arrays = {}
    for port in signature.inputs:
        if port.shape is None:
            raise ModelError(
                f"input {port.name!r} has no shape in the file",
                mend="run saliency on a real input instead",
            )
        shape = (1, *(dim or 32 for dim in port.shape))
        arrays[port.name] = random.random(shape, np.float32)
    return Samples(arrays)


def _told(head: Head) -> str:
    end = f"{head.activation}, logits found and proved" if head.proved else "no softmax or sigmoid"
    return f"{head.name} {head.shape}: {end}" + (f" ({head.note})" if head.note else "")
