"""Builds programs: closures over tensors that can be traced once and run many times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from inputgrad_cli.data.signature import Signature
from inputgrad_cli.data.target import ResolvedTarget
from inputgrad_cli.engine.adapter.forward import run_forward
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.input_gradients import skip_filter_gradients
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.scores import (
    PinnedTensors,
    compute_scores,
    resolve_rank,
    widen_to_float32,
)
from inputgrad_cli.engine.adapter.value_types import Tensors
from inputgrad_cli.engine.fold_batchnorm import find_mergeable, skip_merged

Program = Callable[..., Any]


@dataclass(frozen=True)
class FoldableProgram:
    """A program that reads no layer's output, so operations inside the model may be merged."""

    run: Program

    def __call__(self, tensors: Tensors, pins: Any) -> Any:
        """Run the program."""
        return self.run(tensors, pins)


def build_scores_program(adapter: KerasAdapter, choice: ResolvedTarget) -> Program:
    """Return (tensors, pins) -> scores (B,)."""
    heads = list_layer_heads([choice])

    def run(tensors: Tensors, pins: PinnedTensors) -> Any:
        return compute_scores(
            choice, run_forward(adapter, tensors, heads), pins, tensors, losses=adapter.losses
        )

    return run if heads else FoldableProgram(run)


def build_gradients_program(
    adapter: KerasAdapter, choice: ResolvedTarget, sites: Sequence[str]
) -> Program:
    """Return (tensors, pins) -> gradients by site (None where disconnected), scores (B,)."""
    heads = list_layer_heads([choice])

    def run(tensors: Tensors, pins: PinnedTensors) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([tensors[site] for site in sites])
            scores = compute_scores(
                choice, run_forward(adapter, tensors, heads), pins, tensors, losses=adapter.losses
            )
        return compute_tape_gradients(tape, scores, tensors, sites), scores

    return run if heads else FoldableProgram(run)


def fold_variables(program: Program, model: Any, fed: Iterable[str]) -> Program:
    """Return the program with the model's variables as constants, ready to be traced.

    `fed` are the names of its tensors. Batch normalizations are merged only if no layer's output is
    fed, because such a tensor belongs to the layer as it was saved.
    """
    can_merge = isinstance(program, FoldableProgram) and not any(map(is_tap, fed))
    norms = find_mergeable(model) if can_merge else []
    changed = {id(variable): value for norm in norms for variable, value in norm.values}
    values = [(v, changed[id(v)] if id(v) in changed else v.numpy()) for v in model.variables]

    def run(tensors: Tensors, pins: Any) -> Any:
        constants = [(variable, tf.constant(value)) for variable, value in values]
        with keras.StatelessScope(state_mapping=constants), skip_merged(norms):
            return program(tensors, pins)

    return run


def build_first_pass_program(
    adapter: KerasAdapter,
    signature: Signature,
    choices: Sequence[ResolvedTarget],
    sites: Sequence[str],
    with_gradients: bool,
) -> Program:
    """Return (tensors, pins) -> outputs, and per choice the resolved pins, scores and gradients.

    One forward pass serves all choices.
    """
    heads = list_layer_heads(choices)

    def run(tensors: Tensors, pins: Sequence[PinnedTensors]) -> Any:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            if with_gradients:
                tape.watch([tensors[site] for site in sites])
            outputs = run_forward(adapter, tensors, heads)
            resolved = [
                resolve_rank(c, signature.get_output(c.head), outputs[c.head])
                if c.kind == "rank"
                else p
                for c, p in zip(choices, pins, strict=True)
            ]
            scores = [
                compute_scores(c, outputs, p, tensors, losses=adapter.losses)
                for c, p in zip(choices, resolved, strict=True)
            ]
        gradients = (
            [compute_tape_gradients(tape, s, tensors, sites) for s in scores]
            if with_gradients
            else []
        )
        values = {name: widen_to_float32(y) for name, y in outputs.items()}
        return values, resolved, scores, gradients

    return run if heads else FoldableProgram(run)


def list_layer_heads(choices: Sequence[ResolvedTarget]) -> list[str]:
    """Return the taps of the layers that the choices use as outputs, sorted."""
    return sorted({choice.head for choice in choices if is_tap(choice.head)})


def compute_tape_gradients(
    tape: Any, scores: Any, tensors: Mapping[str, Any], sites: Sequence[str]
) -> Any:
    """Return the gradients by site, None where the scores do not depend on the site."""
    with skip_filter_gradients():
        gradients = tape.gradient(scores, {site: tensors[site] for site in sites})
    return {site: None if g is None else tf.convert_to_tensor(g) for site, g in gradients.items()}
