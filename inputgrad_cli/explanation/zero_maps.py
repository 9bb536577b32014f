"""Why a map is zero everywhere: what a reader should do about it depends on that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, Method
from inputgrad_cli.numeric.arrays import Array

FLAT = "the score does not change here: no way from the input to it is open"
SENTENCES = {
    "relu": "nothing speaks for the target; {name}:relu=false shows what speaks against it",
    "cut": "nothing speaks for the target, and {name} shows no more; take -m {uncut}",
    "layer": "its layer gives nothing but zeros for this input; name another, {name}:layer=NAME",
    "input": "the input equals its baseline everywhere; choose another --baseline",
    "zeros": "the input is zero everywhere, and {name} multiplies by it; a method with a "
    "--baseline compares it with another input",
    "blank": "the input is zero everywhere, and the score has no slope there",
    "saturated": "the output is saturated, where it has no slope; try --space logit, or a logit",
    "flat": FLAT + " (units that are off, or saturated)",
    "method": "the score does change here, though: {name} finds nothing in that; take -m gradient",
}
PRODUCT = "input times gradient"
CLOSE = 1e-6  # to a probability of 0 or 1: float32 has no slope left there


def why_zero(engine: Engine, method: Method, case: Case, layer: str | None) -> list[str]:
    """Return for each sample of a case, whose maps are all zero, the reason in words.

    `layer` is the tap that the method looked at, if it did.
    """
    if not len(case):
        return []
    words = {"name": method.name, "uncut": method.uncut}
    return [SENTENCES[word].format(**words) for word in _reasons(engine, method, case, layer)]


def _reasons(engine: Engine, method: Method, case: Case, layer: str | None) -> list[str]:
    relu, same = _uncut(engine, method, case), _same(method, case)
    none = np.zeros(len(case), bool)
    # What changes the input has asked for scores alone, and none has moved.
    dark, steep = (none, none) if method.changes else _slopes(engine, case, layer)
    blank = _rows(case, [~_any(case.inputs[site]) for site in case.sites])
    held = _saturated(engine, case)
    cutting = np.full(len(case), bool(method.uncut))
    reasons = [
        ("relu", relu),
        ("input", same),
        ("zeros", blank & (method.linear_exact == PRODUCT)),
        ("layer", dark),
        ("saturated", ~steep & held),
        ("blank", ~steep & blank),
        ("flat", ~steep),
        ("cut", cutting),
    ]
    return [next((w for w, rows in reasons if rows[row]), "method") for row in range(len(case))]


def _uncut(engine: Engine, method: Method, case: Case) -> Array:
    """Return in which samples the method finds something once it does not cut at zero."""
    if not getattr(method, "relu", False):
        return np.zeros(len(case), bool)
    whole: dict[str, Any] = {"relu": False}
    found = replace(method, **whole).attribute(engine, replace(case, references={}))
    return np.asarray(np.any([_any(array) for array in found.values.values()], axis=0))


def _same(method: Method, case: Case) -> Array:
    """Return which samples are their own baseline."""
    if not method.uses_baseline or case.references:
        return np.zeros(len(case), bool)
    return _rows(case, [~_any(case.inputs[s] != case.baseline[s]) for s in case.sites])


def _slopes(engine: Engine, case: Case, layer: str | None) -> tuple[Array, Array]:
    """Return where a layer gives zeros alone, and where there is any gradient."""
    if layer is not None:
        seen = engine.layer(case.inputs, case.target, layer)
        return ~_any(seen.values), _any(seen.gradients)
    found = engine.gradients(case.inputs, case.target, case.sites).values
    return np.zeros(len(case), bool), np.any([_any(array) for array in found.values()], axis=0)


def _saturated(engine: Engine, case: Case) -> Array:
    """Return which scores stand at the end of a softmax or sigmoid that is differentiated."""
    choice = case.target.choice
    ends = engine.signature.head(choice.head).activation in ("softmax", "sigmoid")
    if choice.space == "logit" or not ends:
        return np.zeros(len(case), bool)
    size = np.abs(case.clean_scores(engine))
    return np.asarray(np.minimum(size, np.abs(size - 1)) <= CLOSE)


def _any(array: Array) -> Array:
    return np.asarray(array.reshape(len(array), -1).any(axis=1))


def _rows(case: Case, parts: Sequence[Array]) -> Array:
    return np.all(parts, axis=0) if parts else np.ones(len(case), bool)
