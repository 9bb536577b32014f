"""Propagates values from the scores back to the sites, operation by operation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import tensorflow as tf

from inputgrad_cli.engine.adapter.type_aliases import TensorDict
from inputgrad_cli.engine.propagation_rules.operation_categories import DESCRIPTIONS
from inputgrad_cli.engine.propagation_rules.traced_operations import Trace
from inputgrad_cli.errors import UsageError

Contributions = Iterable[tuple[Any, Any]]  # pairs of a tensor and the value it receives, or None


class NoRuleError(Exception):
    """The rule does not cover an operation."""


def build_rule_error(message: str, **details: str) -> UsageError:
    """Build an error that leaves a traced function unchanged."""
    error = UsageError(message, kind="rules", **details)
    error.ag_pass_through = True  # type: ignore[attr-defined]  # AutoGraph would wrap it
    return error


class PropagationRule(Protocol):
    """A rule that propagates values through one operation."""

    rules: int

    def propagate(self, op: Any, upstream: Sequence[Any]) -> Contributions:
        """Return the values for the operation's inputs. Raises NoRuleError if it is not covered.

        `upstream` has one entry for each output. `rules` counts the operations at which the rule
        differs from the derivative.
        """


class RuleErrorBuilder:
    """Builds the error for an operation without a rule; `method` is the requesting method."""

    def __init__(self, method: str, layers: set[str], probability: bool) -> None:
        self.method, self.layers, self.probability = method, layers, probability

    def build(self, op: Any) -> UsageError:
        """Build the error that names the operation and its layer."""
        layer = self._find_layer(op)
        is_final_softmax = op.type == "Softmax" and self.probability
        operation = "a loop" if op.type.startswith("TensorList") else DESCRIPTIONS.get(op.type)
        description = f"{operation} ({op.type})" if operation else f"the operation {op.type}"
        alternatives = "gradient or integrated-gradients"
        return build_rule_error(
            f"{self.method} has no rule for {f'layer {layer!r}: ' if layer else ''}{description}",
            hint="use --space logit"
            if is_final_softmax
            else f"use another method, such as {alternatives}",
        )

    def _find_layer(self, op: Any) -> str:
        """Return the innermost layer; TensorFlow appends numbers to repeated scopes."""
        scopes = op.name.split("/")[:-1]
        named = [s if s in self.layers else re.sub(r"_\d+$", "", s) for s in scopes]
        known = [name for name in named if name in self.layers]
        return known[-1] if known else ""


def walk_back(
    trace: Trace, scores: Any, rule: PropagationRule, errors: RuleErrorBuilder
) -> TensorDict:
    """Return the value that each site receives if each score starts with one, None if nothing.

    Operations are visited in reverse order of creation, so each has received from all consumers.
    """
    arrived: dict[int, Any] = {id(scores): tf.ones_like(scores)}
    for op in reversed(trace.operations):
        upstream = [arrived.get(id(out)) for out in op.outputs]
        if all(gradient is None for gradient in upstream) or not trace.list_relevant_inputs(op):
            continue
        try:
            contributions = list(rule.propagate(op, upstream))
        except (NoRuleError, LookupError):
            raise errors.build(op) from None
        for tensor, value in contributions:
            if value is not None and id(tensor) in trace.relevant:
                before = arrived.get(id(tensor))
                arrived[id(tensor)] = value if before is None else before + value
    return {name: arrived.get(id(tensor)) for name, tensor in trace.sites.items()}
