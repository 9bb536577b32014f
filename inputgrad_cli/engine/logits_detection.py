"""Finds the softmax or sigmoid that ends a model, and proves it by a forward pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from inputgrad_cli.data.signature import OutputSpec
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.type_aliases import Tensors
from inputgrad_cli.engine.one_sample_forward_trace import CalibrationPass
from inputgrad_cli.errors import ModelError
from inputgrad_cli.numeric.array_helpers import Array

Proof = tuple[str, int]
"""An activation, and the axis it is taken over, not counting the batch axis."""


def find_heads(
    first_pass: CalibrationPass, layers: Sequence[str] = ()
) -> tuple[tuple[OutputSpec, ...], bool]:
    """Return the outputs, proved on the first sample, and whether their logits need a graph.

    `layers` are taps that are used as outputs without logits. They come last.
    """
    outputs, attached = first_pass.first_result
    _refuse_no_batch(outputs, next(iter(first_pass.tensors.values())).shape[0])
    taps = {name: outputs[name] for name in layers}
    model_outputs = {name: y for name, y in outputs.items() if name not in taps}
    values = {name: np.asarray(tf.cast(y, tf.float32)) for name, y in model_outputs.items()}
    missing = [n for n, y in values.items() if n not in attached and _may_be_probability(y)]
    traced = first_pass.graph_logits if missing else {}
    heads = []
    for name, value in values.items():
        logits = attached.get(name, traced.get(name))
        z = None if logits is None else np.asarray(tf.cast(logits, tf.float32))
        proofs = _find_proofs(value, z)
        if len(proofs) > 1:  # several agree on saturated values, so the graph decides
            declared = first_pass.declared_activations.get(name)
            proofs.sort(key=lambda proof: proof[0] != declared)
        shape = _infer_shape(first_pass.adapter, name, value)
        heads.append(_build_output_spec(name, value, z is not None, proofs, shape))
    heads += [OutputSpec(name, tuple(tensor.shape[1:])) for name, tensor in taps.items()]
    needs_graph = any(head.logits_verified and head.name in traced for head in heads)
    return tuple(heads), needs_graph


def _refuse_no_batch(outputs: Tensors, rows: int) -> None:
    for name, tensor in outputs.items():
        if tensor.shape.rank == 0 or tensor.shape[0] != rows:
            raise ModelError(
                f"output {name!r} of shape {tuple(tensor.shape)} has no batch axis",
                reason=f"for {rows} samples it must give {rows} rows",
                kind="batch",
            )


def _infer_shape(adapter: KerasAdapter, name: str, value: Array) -> tuple[int | None, ...]:
    declared = adapter.name_declared_outputs().get(name)
    # Keras declares a wrong rank for some layers, such as a TextVectorization of codes.
    if declared is None or len(declared.shape) != value.ndim:
        return tuple(value.shape[1:])
    return tuple(declared.shape[1:])


def _may_be_probability(y: Array) -> bool:
    """Return whether the values could be probabilities or their logarithms."""
    return bool(np.all((y >= 0) & (y <= 1)) or (np.all(y <= 0) and y.ndim > 1 and y.shape[-1] > 1))


def _build_output_spec(
    name: str, y: Array, has_logits: bool, proofs: Sequence[Proof], shape: tuple[int | None, ...]
) -> OutputSpec:
    if not has_logits:
        return OutputSpec(name, shape, note=_explain_missing_logits(y))
    if proofs:
        activation, axis = proofs[0]
        return OutputSpec(name, shape, activation, True, axis)
    return OutputSpec(
        name, shape, note="logits were found, but their activation does not give the output"
    )


def _find_proofs(y: Array, z: Array | None) -> list[Proof]:
    """Return the activations that turn the logits into the output; several may, if saturated."""
    if z is not None and z.shape != y.shape and z.size == y.size:
        z = z.reshape(y.shape)  # a reshape after the activation keeps the order of the values
    if z is None or z.shape != y.shape:
        return []
    proofs: list[Proof] = []
    for axis in range(y.ndim - 1, 0, -1):
        if np.allclose(_compute_softmax(z, axis), y, rtol=1e-4, atol=1e-6):
            proofs.append(("softmax", axis - 1))
        with np.errstate(divide="ignore"):
            if np.allclose(np.log(_compute_softmax(z, axis)), y, rtol=1e-4, atol=1e-4):
                proofs.append(("log_softmax", axis - 1))
    if np.allclose(_compute_sigmoid(z), y, rtol=1e-4, atol=1e-6):
        proofs.append(("sigmoid", -1))
    return proofs


def _explain_missing_logits(y: Array) -> str:
    wide = y.ndim > 1 and y.shape[-1] > 1
    if wide and np.all(y >= 0) and np.allclose(y.sum(axis=-1), 1.0, atol=1e-4):
        return (
            "the values look like probabilities, but no softmax operation ends the model "
            "(it may stand within a recurrent layer, or be written by hand)"
        )
    return ""


def _compute_softmax(z: Array, axis: int) -> Array:
    # The largest logit is subtracted so that exp cannot overflow.
    e = np.exp(z.astype(np.float64) - z.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def _compute_sigmoid(z: Array) -> Array:
    e = np.exp(-np.abs(z.astype(np.float64)))
    return np.where(z >= 0, 1.0 / (1.0 + e), e / (1.0 + e))
