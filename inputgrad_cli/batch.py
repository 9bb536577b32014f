"""From a batch of samples and a question to attributions: the tool's core, without files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inputgrad_cli.arrays import Array, Arrays, take
from inputgrad_cli.attribution import Finding
from inputgrad_cli.baseline import Baseline, Black, Zeros
from inputgrad_cli.contracts import Case, Engine, FirstPass, Gradients, Method
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.preprocess import Preprocess
from inputgrad_cli.sample import Samples, keys
from inputgrad_cli.signature import Head, Signature
from inputgrad_cli.target import Choice, PinnedTarget, choose, mask_weights, parse


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
    masks: Mapping[str, Array] = field(default_factory=dict)
    compiled_loss: Any = None


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
        self.first, self.scores = engine.first, engine.scores
        self.sites, self.lift, self.tokens = engine.sites, engine.lift, engine.tokens
        self.blame = engine.blame
        self.notes, self.precision, self.prepare = engine.notes, engine.precision, engine.prepare

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
        made = [_with_compiled(choice, question, heads) for choice in made]
        maps += [made] if made[0].group else [[choice] for choice in made]
    return maps


def explain_batch(
    engine: Engine, samples: Samples, question: Question, truth: Array | None = None
) -> list[Answer]:
    """Return an answer for each wish and map. One forward pass over the clean inputs serves all."""
    names = engine.sites(question.wrt)
    maps = choices_of(question, engine.signature)
    flat = [choice for made in maps for choice in made]
    wanted = any(wish.method.clean_gradient for wish in question.wishes)
    points = engine.lift(samples.arrays, tuple(names))
    truths = [_truth(choice, truth, question, engine.signature, len(samples)) for choice in flat]
    first = engine.first(points, flat, tuple(names), truths, gradients=wanted)
    shared = CleanPass(engine, points, first)
    base = _Ground(samples, points, question, tuple(names))
    answers = []
    for wish in question.wishes:
        number = 0
        for made in maps:
            cells = []
            for _ in made:
                case = base.case(wish.method, first, number)
                cells.append(_Cell(case, wish.method.attribute(shared, case)))
                _refuse_disconnected(cells[-1], engine)
                number += 1
            answer = _answer(wish, made, cells, first, engine.signature, question)
            answers.append(_named(answer, names))
    return _with_tokens(answers, engine.tokens(samples.arrays))


def _refuse_disconnected(cell: _Cell, engine: Engine) -> None:
    if cell.finding.disconnected != set(cell.case.sites):
        return
    raise ItemError(
        "the target does not depend on any input that was asked about",
        reason=engine.blame(cell.case.inputs, cell.case.sites) or "no way leads there",
        mend="choose another --target, or a layer behind it: --wrt layer:NAME",
        kind="disconnected",
    )


def _named(answer: Answer, names: Mapping[str, str]) -> Answer:
    """Return the answer with the public names of its sites."""
    for record in answer.records:
        record["disconnected"] = sorted(names[site] for site in record["disconnected"])
    return replace(answer, values={names[site]: a for site, a in answer.values.items()})


def _with_tokens(answers: list[Answer], tokens: Mapping[str, list[list[Any]]]) -> list[Answer]:
    """Return the answers, each record with what stands at each place of inputs without numbers."""
    for answer in answers if tokens else ():
        for row, record in enumerate(answer.records):
            record["tokens"] = {name: rows[row] for name, rows in tokens.items()}
    return answers


def _truth(
    choice: Choice, labels: Array | None, question: Question, signature: Signature, rows: int
) -> Array | None:
    """Return what a choice is compared with: labels, or the weights of a mask; (B, ...)."""
    if choice.kind == "loss":
        return labels
    if choice.kind != "mask":
        return None
    shape = tuple(d or 1 for d in signature.head(choice.head).shape or ())
    weights = mask_weights(choice, question.masks[choice.how], shape)
    return np.broadcast_to(weights, (rows, *shape))


def _with_compiled(choice: Choice, question: Question, heads: Sequence[str]) -> Choice:
    """Return the choice with the model's own loss in the place of `loss:compiled`."""
    if choice.kind != "loss" or choice.how != "compiled":
        return choice
    loss = question.compiled_loss
    if isinstance(loss, list) and len(loss) == len(heads):
        loss = loss[list(heads).index(choice.head)]
    elif isinstance(loss, dict) and "class_name" not in loss:
        loss = loss.get(choice.head)
    if loss is None:
        raise UsageError(
            f"target {choice.asked}: the file names no loss for output {choice.head!r}",
            reason="the model was saved without being compiled, or without a loss for it",
            mend="name one: loss:NAME",
        )
    return replace(choice, how=loss if isinstance(loss, str) else json.dumps(loss, sort_keys=True))


@dataclass(frozen=True)
class _Cell:
    case: Case
    finding: Finding


class _Ground:
    """What all cases of a batch share: baseline and seeds, made once."""

    def __init__(
        self, samples: Samples, points: Arrays, question: Question, sites: tuple[str, ...]
    ) -> None:
        self._samples, self._points, self._question = samples, points, question
        self._sites = sites
        self._keys = keys(samples.arrays, question.seed)
        self._baseline: Arrays | None = None

    def case(self, method: Method, first: FirstPass, number: int) -> Case:
        return Case(
            self._points,
            first.targets[number],
            self._sites,
            self.baseline() if method.uses_baseline else self._points,
            self._keys,
            self._question.tolerance,
            first.scores[number],
        )

    def baseline(self) -> Arrays:
        if self._baseline is None:
            made = dict(self._points)
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
