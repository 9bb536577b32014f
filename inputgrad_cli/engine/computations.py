"""What is run on tensors: each program is a closure that may be traced once and run for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from inputgrad_cli.data.signature import Signature
from inputgrad_cli.data.target import Choice
from inputgrad_cli.engine.adapter.forward import forward
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.input_gradients import skip_filter_gradients
from inputgrad_cli.engine.adapter.keras_adapter import Binding, Tensors
from inputgrad_cli.engine.adapter.scores import Pins, at_least_float32, resolve_rank, scalar
from inputgrad_cli.engine.fold_batchnorm import merged, without

Program = Callable[..., Any]


@dataclass(frozen=True)
class Outer:
    """A program that reads no layer's output: what goes on inside may be made simpler."""

    run: Program

    def __call__(self, tensors: Tensors, pins: Any) -> Any:
        """Run it."""
        return self.run(tensors, pins)


def scores_of(binding: Binding, choice: Choice) -> Program:
    """Return (tensors, pins) -> scores (B,)."""
    heads = layer_heads([choice])

    def run(tensors: Tensors, pins: Pins) -> Any:
        return scalar(
            choice, forward(binding, tensors, heads), pins, tensors, losses=binding.losses
        )

    return run if heads else Outer(run)


def gradients_of(binding: Binding, choice: Choice, sites: Sequence[str]) -> Program:
    """Return (tensors, pins) -> gradients by site (None where disconnected), scores (B,)."""
    heads = layer_heads([choice])

    def run(tensors: Tensors, pins: Pins) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([tensors[site] for site in sites])
            scores = scalar(
                choice, forward(binding, tensors, heads), pins, tensors, losses=binding.losses
            )
        return slopes(tape, scores, tensors, sites), scores

    return run if heads else Outer(run)


def folded(program: Program, model: Any, fed: Iterable[str]) -> Program:
    """Return the program with the model's variables as constants, for a graph to be made of it.

    `fed` are the names of its tensors: those fed inside are of the layers as they are.
    """
    norms = merged(model) if isinstance(program, Outer) and not any(map(is_tap, fed)) else []
    changed = {id(variable): value for norm in norms for variable, value in norm.values}
    values = [(v, changed[id(v)] if id(v) in changed else v.numpy()) for v in model.variables]

    def run(tensors: Tensors, pins: Any) -> Any:
        constants = [(variable, tf.constant(value)) for variable, value in values]
        with keras.StatelessScope(state_mapping=constants), without(norms):
            return program(tensors, pins)

    return run


def first_of(
    binding: Binding,
    signature: Signature,
    choices: Sequence[Choice],
    sites: Sequence[str],
    gradients: bool,
) -> Program:
    """Return (tensors, pins) -> outputs, and by choice: pins resolved, scores, gradients.

    One forward pass serves all choices.
    """
    heads = layer_heads(choices)

    def run(tensors: Tensors, pins: Sequence[Pins]) -> Any:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            if gradients:
                tape.watch([tensors[site] for site in sites])
            outputs = forward(binding, tensors, heads)
            resolved = [
                resolve_rank(c, signature.head(c.head), outputs[c.head]) if c.kind == "rank" else p
                for c, p in zip(choices, pins, strict=True)
            ]
            scores = [
                scalar(c, outputs, p, tensors, losses=binding.losses)
                for c, p in zip(choices, resolved, strict=True)
            ]
        found = [slopes(tape, s, tensors, sites) for s in scores] if gradients else []
        plain = {name: at_least_float32(y) for name, y in outputs.items()}
        return plain, resolved, scores, found

    return run if heads else Outer(run)


def layer_heads(choices: Sequence[Choice]) -> list[str]:
    """Return the layers whose outputs the choices are about."""
    return sorted({choice.head for choice in choices if is_tap(choice.head)})


def slopes(tape: Any, scores: Any, tensors: Mapping[str, Any], sites: Sequence[str]) -> Any:
    """Return what the tape gives at the sites, None where the scores do not depend on them."""
    with skip_filter_gradients():
        found = tape.gradient(scores, {site: tensors[site] for site in sites})
    return {site: None if g is None else tf.convert_to_tensor(g) for site, g in found.items()}
