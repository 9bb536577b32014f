"""Builds the program of a backward rule: a traced forward pass and the backward pass over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget
from inputgrad_cli.engine.adapter.hooks import BASELINE, is_tap, map_layers_by_path
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.scores import PinnedTensors, compute_scores
from inputgrad_cli.engine.adapter.tapped_forward_pass import run_forward
from inputgrad_cli.engine.adapter.type_aliases import Tensors
from inputgrad_cli.engine.pass_runner import Runner
from inputgrad_cli.engine.propagation_rules.backward_pass import (
    PropagationRule,
    RuleErrorBuilder,
    build_rule_error,
    walk_back,
)
from inputgrad_cli.engine.propagation_rules.deeplift import DeepLift
from inputgrad_cli.engine.propagation_rules.guided import Guided
from inputgrad_cli.engine.propagation_rules.lrp import Lrp
from inputgrad_cli.engine.propagation_rules.traced_operations import Trace
from inputgrad_cli.engine.score_gradient_functions import list_layer_heads
from inputgrad_cli.engine.tensor_array_conversion import join_gradients, to_gradients
from inputgrad_cli.engine.traced_function_compiler import Program
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import BackwardRule, Gradients
from inputgrad_cli.numeric.array_helpers import Array, Arrays


def build_rule_program(
    adapter: KerasAdapter, choice: ResolvedTarget, sites: Sequence[str], rule: BackwardRule
) -> Program:
    """Return (tensors, pins) -> the rule's values by site, scores, how often the rule applied.

    A disconnected site has None. The program is always traced, because rules need a graph.
    """
    heads = list_layer_heads([choice])
    layers = {path.rpartition("/")[2] for path in map_layers_by_path(adapter.model)}
    # The rules of LRP are parameters of one method, and errors name it as the user types it.
    errors = RuleErrorBuilder(
        rule.name.replace("lrp-", "lrp:rule="), layers, choice.space == "probability"
    )

    def run(tensors: Tensors, pins: PinnedTensors) -> Any:
        inputs = {name: t for name, t in tensors.items() if not name.startswith(BASELINE)}
        scores = compute_scores(
            choice, run_forward(adapter, inputs, heads), pins, inputs, losses=adapter.losses
        )
        # AutoGraph is for the user's code in the model; rules do not branch on tensors.
        propagate = tf.autograph.experimental.do_not_convert(_propagate)
        values, rules = propagate(tensors, sites, scores, rule, errors)
        return values, scores, rules

    traced: Program = tf.function(run, reduce_retracing=True, autograph=adapter.has_user_code)
    return traced


def run_rule(
    runner: Runner,
    inputs: Arrays,
    target: PinnedTarget,
    *,
    sites: Sequence[str],
    rule: BackwardRule,
    baseline: Arrays,
) -> Gradients:
    """Return the rule's values at the sites as gradients, and how often it applied."""
    build_program = partial(build_rule_program, runner.adapter, sites=sites, rule=rule)
    fed = {**inputs, **_build_baseline_feeds(rule, inputs, baseline, sites)}
    gradients, rules = [], 0
    for part, real, (values, scores, applied) in runner.run_target(
        fed, target, kind=("ruled", tuple(sites), rule), build_program=build_program
    ):
        gradients.append(to_gradients(part, values, scores, real))
        rules = int(applied)
    return replace(join_gradients(gradients), rule_count=rules)


def _build_baseline_feeds(
    rule: BackwardRule, inputs: Arrays, baseline: Arrays, sites: Sequence[str]
) -> dict[str, Array]:
    """Return the baselines to feed with the inputs, if the rule compares with them."""
    if rule.name != "deeplift":
        return {}
    return {BASELINE + site: np.asarray(baseline[site], inputs[site].dtype) for site in sites}


def _propagate(
    tensors: Tensors,
    sites: Sequence[str],
    scores: Any,
    rule: BackwardRule,
    errors: RuleErrorBuilder,
) -> tuple[Tensors, Any]:
    by_derivative = rule.name in ("guided-backprop", "deconvnet")
    trace = Trace({site: tensors[site] for site in sites}, through_stops=not by_derivative)
    propagation = _build_rule(trace, rule, tensors)
    values = walk_back(trace, scores, propagation, errors)
    if not propagation.rules and any(value is not None for value in values.values()):
        raise _build_unused_rule_error(errors.method, by_derivative)
    # Relevance of the inputs is complete; at taps the walk ends with multipliers.
    if isinstance(propagation, Lrp):
        values |= {n: tensors[n] * m for n, m in values.items() if is_tap(n) and m is not None}
    return values, tf.constant(propagation.rules)


def _build_rule(trace: Trace, rule: BackwardRule, tensors: Mapping[str, Any]) -> PropagationRule:
    if rule.name in ("guided-backprop", "deconvnet"):
        return Guided(trace, gated=rule.name == "guided-backprop")
    if rule.name == "deeplift":
        return DeepLift(trace, {name: tensors[BASELINE + name] for name in trace.sites})
    return Lrp(trace, rule)


def _build_unused_rule_error(method: str, by_derivative: bool) -> UsageError:
    required = "ReLU" if by_derivative else "layer of weights and no nonlinearity"
    return build_rule_error(
        f"{method} has nothing to apply its rule to",
        reason=f"no {required} stands between the input and the score",
        hint="use gradient",
    )
