"""The way back from the scores to the sites, operation by operation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import tensorflow as tf

from inputgrad_cli.engine.rules.operations import WORDS
from inputgrad_cli.engine.rules.trace import Trace
from inputgrad_cli.errors import UsageError

Sent = Iterable[tuple[Any, Any]]  # tensors, and what arrives there; None where nothing does


class NoRuleError(Exception):
    """An operation for which the rule says nothing."""


def passing(what: str, **more: str) -> UsageError:
    """Return an error that comes out of a traced function as it is."""
    error = UsageError(what, kind="rules", **more)
    error.ag_pass_through = True  # type: ignore[attr-defined]  # AutoGraph would wrap it
    return error


class Step(Protocol):
    """What a rule does at one operation."""

    rules: int

    def back(self, op: Any, upstream: Sequence[Any]) -> Sent:
        """Return what goes to which earlier tensor; NoRuleError where the rule says nothing.

        `upstream` has one entry for each output. `rules` counts what was no plain derivative.
        """


class Refusal:
    """Says which layer has no rule, in the words of the method that asked."""

    def __init__(self, method: str, layers: set[str], probability: bool) -> None:
        self.method, self.layers, self.probability = method, layers, probability

    def __call__(self, op: Any) -> UsageError:
        """Return the error that names the operation and its layer."""
        where = self._layer(op)
        ends = op.type == "Softmax" and self.probability
        told = "a loop" if op.type.startswith("TensorList") else WORDS.get(op.type)
        what = f"{told} ({op.type})" if told else f"the operation {op.type}"
        others = "gradient or integrated-gradients"
        return passing(
            f"{self.method} has no rule for {f'layer {where!r}: ' if where else ''}{what}",
            mend="use --space logit" if ends else f"use another method, such as {others}",
        )

    def _layer(self, op: Any) -> str:
        """Return the innermost layer; TensorFlow numbers scopes that come again."""
        scopes = op.name.split("/")[:-1]
        named = [s if s in self.layers else re.sub(r"_\d+$", "", s) for s in scopes]
        known = [name for name in named if name in self.layers]
        return known[-1] if known else ""


def walk(trace: Trace, scores: Any, step: Step, refuse: Refusal) -> dict[str, Any]:
    """Return what arrives at each site when one is sent from each score, None where nothing does.

    Operations are met in the reverse order of their making, so each has heard from all it feeds.
    """
    arrived: dict[int, Any] = {id(scores): tf.ones_like(scores)}
    for op in reversed(trace.operations):
        upstream = [arrived.get(id(out)) for out in op.outputs]
        if all(one is None for one in upstream) or not trace.lives(op):
            continue
        try:
            sent = list(step.back(op, upstream))
        except (NoRuleError, LookupError):
            raise refuse(op) from None
        for tensor, value in sent:
            if value is not None and id(tensor) in trace.live:
                before = arrived.get(id(tensor))
                arrived[id(tensor)] = value if before is None else before + value
    return {name: arrived.get(id(tensor)) for name, tensor in trace.sites.items()}
