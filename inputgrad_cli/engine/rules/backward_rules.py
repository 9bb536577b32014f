"""The program of a backward rule: a forward pass that is traced, and the way back over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.data.target import Choice
from inputgrad_cli.engine.adapter.forward import forward
from inputgrad_cli.engine.adapter.hooks import BASELINE, is_tap, layers_by_path
from inputgrad_cli.engine.adapter.keras_adapter import Binding, Tensors
from inputgrad_cli.engine.adapter.scores import Pins, scalar
from inputgrad_cli.engine.computations import Program, layer_heads
from inputgrad_cli.engine.rules.backward_pass import Refusal, Step, passing, walk
from inputgrad_cli.engine.rules.deeplift import DeepLift
from inputgrad_cli.engine.rules.guided import Guided
from inputgrad_cli.engine.rules.lrp import Lrp
from inputgrad_cli.engine.rules.trace import Trace
from inputgrad_cli.engine.tensors import gradients_from, join_gradients
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Gradients, Rule
from inputgrad_cli.numeric.arrays import Array, Arrays


def ruled_of(binding: Binding, choice: Choice, sites: Sequence[str], rule: Rule) -> Program:
    """Return (tensors, pins) -> what the rule gives by site, scores, number of rules.

    A site that is disconnected has None. Always traced: the way back is over a graph.
    """
    heads = layer_heads([choice])
    layers = {path.rpartition("/")[2] for path in layers_by_path(binding.model)}
    refuse = Refusal(rule.name.replace("lrp-", "lrp:rule="), layers, choice.space == "probability")

    def run(tensors: Tensors, pins: Pins) -> Any:
        given = {name: t for name, t in tensors.items() if not name.startswith(BASELINE)}
        scores = scalar(choice, forward(binding, given, heads), pins, given, losses=binding.losses)
        back = tf.autograph.experimental.do_not_convert(_back)
        found, rules = back(tensors, sites, scores, rule, refuse)
        return found, scores, rules

    traced: Program = tf.function(run, reduce_retracing=True, autograph=binding.own_code)
    return traced


def beside(rule: Rule, inputs: Arrays, baseline: Arrays, sites: Sequence[str]) -> dict[str, Array]:
    """Return what is fed beside the inputs: the baselines, where the rule compares with them."""
    if rule.name != "deeplift":
        return {}
    return {BASELINE + site: np.asarray(baseline[site], inputs[site].dtype) for site in sites}


def ruled_from(parts: Iterable[tuple[Arrays, int, Any]]) -> Gradients:
    """Return what the passes of a batch gave as one."""
    found, rules = [], 0
    for part, real, (values, scores, applied) in parts:
        found.append(gradients_from(part, values, scores, real))
        rules = int(applied)
    return replace(join_gradients(found), rules=rules)


def _back(
    tensors: Tensors, sites: Sequence[str], scores: Any, rule: Rule, refuse: Refusal
) -> tuple[dict[str, Any], Any]:
    by_derivative = rule.name in ("guided-backprop", "deconvnet")
    trace = Trace({site: tensors[site] for site in sites}, through_stops=not by_derivative)
    step = _step(trace, rule, tensors)
    found = walk(trace, scores, step, refuse)
    if not step.rules and any(value is not None for value in found.values()):
        raise _nothing_applied(refuse.method, by_derivative)
    if isinstance(step, Lrp):
        found |= {n: tensors[n] * m for n, m in found.items() if is_tap(n) and m is not None}
    return found, tf.constant(step.rules)


def _step(trace: Trace, rule: Rule, tensors: Mapping[str, Any]) -> Step:
    if rule.name in ("guided-backprop", "deconvnet"):
        return Guided(trace, gated=rule.name == "guided-backprop")
    if rule.name == "deeplift":
        return DeepLift(trace, {name: tensors[BASELINE + name] for name in trace.sites})
    return Lrp(trace, rule)


def _nothing_applied(method: str, by_derivative: bool) -> UsageError:
    wanted = "ReLU" if by_derivative else "layer of weights and no nonlinearity"
    return passing(
        f"{method} has nothing to apply its rule to",
        reason=f"no {wanted} stands between the input and the score",
        mend="use gradient",
    )
