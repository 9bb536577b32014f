"""Finds the softmax or sigmoid that ends a model, and proves it by a forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.data.signature import Head
from inputgrad_cli.engine.adapter.keras_adapter import Binding, Tensors
from inputgrad_cli.engine.trace import Opening
from inputgrad_cli.errors import ModelError
from inputgrad_cli.numeric.arrays import Array

Proof = tuple[str, int]
"""An activation, and the axis it is taken over, the batch axis not counted."""


def find_heads(opening: Opening, layers: Sequence[str] = ()) -> tuple[tuple[Head, ...], bool]:
    """Return the heads, proved on the first sample, and whether the logits need a graph.

    `layers` are taps that serve as heads too, as they are; they come last.
    """
    outputs, noted = opening.computed
    _refuse_no_batch(outputs, next(iter(opening.tensors.values())).shape[0])
    taps = {name: outputs[name] for name in layers}
    own = {name: y for name, y in outputs.items() if name not in taps}
    values = {name: np.asarray(tf.cast(y, tf.float32)) for name, y in own.items()}
    missing = [n for n, y in values.items() if n not in noted and _may_be_probability(y)]
    walked = opening.walked if missing else {}
    heads = []
    for name, value in values.items():
        logits = noted.get(name, walked.get(name))
        z = None if logits is None else np.asarray(tf.cast(logits, tf.float32))
        proofs = _proofs(value, z)
        if len(proofs) > 1:  # saturated here, where several agree: the graph says which it is
            declared = opening.declared.get(name)
            proofs.sort(key=lambda proof: proof[0] != declared)
        shape = _static_shape(opening.binding, name, value)
        heads.append(_head(name, value, z is not None, proofs, shape))
    heads += [Head(name, tuple(tensor.shape[1:])) for name, tensor in taps.items()]
    needs_graph = any(head.proved and head.name in walked for head in heads)
    return tuple(heads), needs_graph


def _refuse_no_batch(outputs: Tensors, rows: int) -> None:
    for name, tensor in outputs.items():
        if tensor.shape.rank == 0 or tensor.shape[0] != rows:
            raise ModelError(
                f"output {name!r} of shape {tuple(tensor.shape)} has no batch axis",
                reason=f"for {rows} samples it must give {rows} rows",
                kind="batch",
            )


def _static_shape(binding: Binding, name: str, value: Array) -> tuple[int | None, ...]:
    struct = _symbolic_outputs(binding.model)
    known = None if struct is None else binding.named(struct).get(name)
    # Keras misjudges what some layers give, such as a TextVectorization of codes: axes tell.
    if known is None or len(known.shape) != value.ndim:
        return tuple(value.shape[1:])
    return tuple(known.shape[1:])


def _symbolic_outputs(model: Any) -> Any:
    """Return the outputs as the model's graph declares them, None where it has no graph."""
    graph = getattr(model, "_functional", None) or model
    return getattr(graph, "_outputs_struct", None)


def _may_be_probability(y: Array) -> bool:
    """Return whether these could be probabilities or their logarithms."""
    return bool(np.all((y >= 0) & (y <= 1)) or (np.all(y <= 0) and y.ndim > 1 and y.shape[-1] > 1))


def _head(
    name: str, y: Array, has_logits: bool, proofs: Sequence[Proof], shape: tuple[int | None, ...]
) -> Head:
    if not has_logits:
        return Head(name, shape, note=_why_not(y))
    if proofs:
        activation, axis = proofs[0]
        return Head(name, shape, activation, True, axis)
    return Head(
        name, shape, note="logits were found, but their activation does not give the output"
    )


def _proofs(y: Array, z: Array | None) -> list[Proof]:
    """Return every activation that makes the output of the logits: one, unless it is saturated."""
    if z is not None and z.shape != y.shape and z.size == y.size:
        z = z.reshape(y.shape)  # a reshape after the activation keeps the order of the values
    if z is None or z.shape != y.shape:
        return []
    proofs: list[Proof] = []
    for axis in range(y.ndim - 1, 0, -1):
        if np.allclose(_softmax(z, axis), y, rtol=1e-4, atol=1e-6):
            proofs.append(("softmax", axis - 1))
        with np.errstate(divide="ignore"):
            if np.allclose(np.log(_softmax(z, axis)), y, rtol=1e-4, atol=1e-4):
                proofs.append(("log_softmax", axis - 1))
    if np.allclose(_sigmoid(z), y, rtol=1e-4, atol=1e-6):
        proofs.append(("sigmoid", -1))
    return proofs


def _why_not(y: Array) -> str:
    wide = y.ndim > 1 and y.shape[-1] > 1
    if wide and np.all(y >= 0) and np.allclose(y.sum(axis=-1), 1.0, atol=1e-4):
        return (
            "the values look like probabilities, but no softmax operation ends the model "
            "(it may stand within a recurrent layer, or be written by hand)"
        )
    return ""


def _softmax(z: Array, axis: int) -> Array:
    e = np.exp(z.astype(np.float64) - z.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def _sigmoid(z: Array) -> Array:
    e = np.exp(-np.abs(z.astype(np.float64)))
    return np.where(z >= 0, 1.0 / (1.0 + e), e / (1.0 + e))
