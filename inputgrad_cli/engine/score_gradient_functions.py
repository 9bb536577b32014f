"""Builds the programs of scores and gradients: closures over tensors, and runs them on batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.engine.adapter.filter_gradient_skipping import skip_filter_gradients
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.scores import (
    PinnedTensors,
    compute_scores,
    resolve_rank,
    widen_to_float32,
)
from inputgrad_cli.engine.adapter.tapped_forward_pass import run_forward
from inputgrad_cli.engine.adapter.type_aliases import Tensors
from inputgrad_cli.engine.pass_runner import Runner
from inputgrad_cli.engine.tensor_array_conversion import join_gradients, to_gradients
from inputgrad_cli.engine.traced_function_compiler import FoldableProgram, Program
from inputgrad_cli.interfaces.engine import Gradients
from inputgrad_cli.numeric.array_helpers import Array, Arrays


def run_scores(runner: Runner, inputs: Arrays, target: PinnedTarget) -> Array:
    """Return the target's scores, (B,)."""
    build_program = partial(build_scores_program, runner.adapter)
    parts = runner.run_target(inputs, target, kind=("scores",), build_program=build_program)
    return np.concatenate([np.asarray(scores)[:real] for _, real, scores in parts])


def run_gradients(
    runner: Runner, inputs: Arrays, target: PinnedTarget, *, sites: Sequence[str]
) -> Gradients:
    """Return the gradients at the sites, (B, ...), and the target's scores."""
    build_program = partial(build_gradients_program, runner.adapter, sites=sites)
    kind = ("gradients", tuple(sites))
    parts = runner.run_target(inputs, target, kind=kind, build_program=build_program)
    return join_gradients(
        [to_gradients(part, g, scores, real) for part, real, (g, scores) in parts]
    )


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
        # An eager pass is a fifth faster if the tape does not watch the weights.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([tensors[site] for site in sites])
            scores = compute_scores(
                choice, run_forward(adapter, tensors, heads), pins, tensors, losses=adapter.losses
            )
        return compute_tape_gradients(tape, scores, tensors, sites), scores

    # A head is the output of a layer as it was saved, which a merged layer does not have.
    return run if heads else FoldableProgram(run)


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
        # Persistent, because the score of each choice is differentiated through this one pass.
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
    # The gradient of a table comes as the rows that were looked up, not as a tensor.
    return {site: None if g is None else tf.convert_to_tensor(g) for site, g in gradients.items()}
