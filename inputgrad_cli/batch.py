"""From a batch of samples and a question to attributions: the tool's core, without files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inputgrad_cli.arrays import Array, Arrays, take
from inputgrad_cli.attribution import Finding
from inputgrad_cli.baseline import Baseline, Black, Zeros
from inputgrad_cli.contracts import Case, Engine, FirstPass, Gradients, Method
from inputgrad_cli.preprocess import Preprocess
from inputgrad_cli.sample import Samples, keys
from inputgrad_cli.signature import Head, Signature
from inputgrad_cli.target import Choice, PinnedTarget, choose, parse


@dataclass(frozen=True)
class Wish:
    """A method as asked: its label in file names, and the words it was written in."""

    method: Method
    label: str
    text: str


@dataclass(frozen=True)
class Question:
    """Everything that is asked of every sample; `baseline` None means what fits the input."""

    wishes: tuple[Wish, ...]
    targets: tuple[str, ...] = ("auto",)
    space: str = "auto"
    wrt: str | None = None
    baseline: Baseline | None = None
    seed: int = 0
    tolerance: float = 0.01
    labels: tuple[str, ...] = ()
    pictures: Mapping[str, Preprocess] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """The map of one wish and one target for a batch: values (B, ...), a record per sample.

    For the target `all` the class axis stands after the batch axis.
    """

    wish: Wish
    target: str
    values: Arrays
    records: Sequence[dict[str, Any]]

    def row(self, number: int) -> Answer:
        """Return the answer for one sample alone."""
        part = slice(number, number + 1)
        return replace(self, values=take(self.values, part), records=self.records[part])


class CleanPass:
    """An engine that has been over the clean inputs already and does not go again."""

    def __init__(self, engine: Engine, inputs: Arrays, first: FirstPass) -> None:
        self._engine, self._inputs = engine, inputs
        self._known = {
            id(target): found for target, found in zip(first.targets, first.gradients, strict=False)
        }
        self.signature = engine.signature
        self.batch_size = engine.batch_size
        self.first = engine.first
        self.scores = engine.scores

    def gradients(self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]) -> Gradients:
        """Return the gradients, from the first pass where it has them."""
        if inputs is self._inputs and id(target) in self._known:
            return self._known[id(target)]
        return self._engine.gradients(inputs, target, sites)


def choices_of(question: Question, signature: Signature) -> list[list[Choice]]:
    """Return the maps that are asked for: one list of choices a map (more than one for `all`)."""
    heads = [head.name for head in signature.outputs]
    maps: list[list[Choice]] = []
    for text in question.targets:
        made = choose(parse(text, heads), signature, question.space, question.labels)
        maps += [made] if made[0].group else [[choice] for choice in made]
    return maps


def sites_of(question: Question, signature: Signature) -> tuple[str, ...]:
    """Return the inputs that are differentiated."""
    if question.wrt is not None:
        signature.port(question.wrt)
        return (question.wrt,)
    return tuple(port.name for port in signature.inputs)


def explain_batch(
    engine: Engine, samples: Samples, question: Question, truth: Array | None = None
) -> list[Answer]:
    """Return an answer for each wish and map. One forward pass over the clean inputs serves all."""
    sites = sites_of(question, engine.signature)
    maps = choices_of(question, engine.signature)
    flat = [choice for made in maps for choice in made]
    wanted = any(wish.method.clean_gradient for wish in question.wishes)
    first = engine.first(samples.arrays, flat, sites, truth, gradients=wanted)
    shared = CleanPass(engine, samples.arrays, first)
    base = _Ground(samples, question, sites)
    answers = []
    for wish in question.wishes:
        number = 0
        for made in maps:
            cells = []
            for _ in made:
                case = base.case(wish.method, first, number)
                cells.append(_Cell(case, wish.method.attribute(shared, case)))
                number += 1
            answers.append(_answer(wish, made, cells, first, engine.signature, question))
    return answers


@dataclass(frozen=True)
class _Cell:
    case: Case
    finding: Finding


class _Ground:
    """What all cases of a batch share: baseline and seeds, made once."""

    def __init__(self, samples: Samples, question: Question, sites: tuple[str, ...]) -> None:
        self._samples, self._question, self._sites = samples, question, sites
        self._keys = keys(samples.arrays, question.seed)
        self._baseline: Arrays | None = None

    def case(self, method: Method, first: FirstPass, number: int) -> Case:
        arrays = self._samples.arrays
        return Case(
            arrays,
            first.targets[number],
            self._sites,
            self.baseline() if method.uses_baseline else arrays,
            self._keys,
            self._question.tolerance,
            first.scores[number],
        )

    def baseline(self) -> Arrays:
        if self._baseline is None:
            made = dict(self._samples.arrays)
            for site in self._sites:
                preprocess = self._samples.preprocess.get(site)
                chosen = self._question.baseline or (Black() if preprocess else Zeros())
                pixels = preprocess or self._question.pictures.get(site)
                made[site] = chosen.make(made[site], site, self._keys, pixels)
            self._baseline = made
        return self._baseline


def _answer(
    wish: Wish,
    made: Sequence[Choice],
    cells: Sequence[_Cell],
    first: FirstPass,
    signature: Signature,
    question: Question,
) -> Answer:
    head = signature.head(made[0].head)
    grouped = bool(made[0].group)
    values = {
        site: np.stack([cell.finding.values[site] for cell in cells], axis=1)
        if grouped
        else cells[0].finding.values[site]
        for site in cells[0].finding.values
    }
    rows = range(len(cells[0].case))
    per_class = [[_record(cell, row, head, first, question) for row in rows] for cell in cells]
    records = (
        [_merged([column[row] for column in per_class]) for row in rows]
        if grouped
        else per_class[0]
    )
    for row, record in zip(rows, records, strict=True):
        record["checks"] = {**_health(values, row), **record["checks"]}
    target = made[0].group if grouped else made[0].asked
    return Answer(wish, target, values, records)


def _record(
    cell: _Cell, row: int, head: Head, first: FirstPass, question: Question
) -> dict[str, Any]:
    target, finding = cell.case.target, cell.finding
    scores = cell.case.scores
    number = _class_number(target, row, head)
    return {
        "index": target.unit(row),
        "output": head.name,
        "label": _label(number, question.labels),
        "space": target.choice.space,
        "score": None if scores is None else float(scores[row]),
        "baseline_score": None
        if finding.baseline_scores is None
        else float(finding.baseline_scores[row]),
        "probability": _probability(number, row, head, first),
        "disconnected": sorted(finding.disconnected),
        "checks": _checks(finding, row),
    }


def _checks(finding: Finding, row: int) -> dict[str, Any]:
    if (c := finding.completeness) is None:
        return {}
    return {
        "completeness": {
            "sum": float(c.sum[row]),
            "difference": float(c.difference[row]),
            "gap": float(c.gap[row]),
            "steps": int(c.steps[row]),
            "ok": bool(c.ok[row]),
        }
    }


def _health(values: Arrays, row: int) -> dict[str, bool]:
    finite = all(bool(np.isfinite(array[row]).all()) for array in values.values())
    return {"finite": finite, "zero": not any(array[row].any() for array in values.values())}


def _merged(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the record of the target `all`: figures by class, the worst completeness."""
    gaps = [r["checks"].get("completeness") for r in records]
    worst = max((g for g in gaps if g), key=lambda g: g["gap"], default=None)
    return {
        **records[0],
        "index": None,
        "label": None,
        "probability": None,
        "score": None,
        "baseline_score": None,
        "scores": [r["score"] for r in records],
        "checks": {"completeness": worst} if worst else {},
    }


def _class_number(target: PinnedTarget, row: int, head: Head) -> int | None:
    if target.index.shape[1] != 1 or head.classes is None:
        return None
    if head.is_binary:
        return 1 if target.signs[row, 0] > 0 else 0
    index = target.index[row, 0]
    return int(index[head.axis]) if len(index) else 0


def _label(number: int | None, labels: Sequence[str]) -> str | None:
    return labels[number] if number is not None and number < len(labels) else None


def _probability(number: int | None, row: int, head: Head, first: FirstPass) -> float | None:
    if number is None or head.activation not in ("softmax", "sigmoid") or not head.proved:
        return None
    output = first.outputs[head.name][row]
    if head.is_binary:
        p = float(np.ravel(output)[0])
        return p if number == 1 else 1.0 - p
    return float(output[head.class_index(number)])
