"""From a batch of samples and a question to attributions: the tool's core, without files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inputgrad_cli.arrays import Array, Arrays, take
from inputgrad_cli.baseline import Black, Dataset, Given, Zeros, fitted
from inputgrad_cli.contracts import Case, Engine, FirstPass, Gradients, Method
from inputgrad_cli.errors import ItemError
from inputgrad_cli.gradcheck import GradientCheck, check_gradient
from inputgrad_cli.methods.several import over_baselines
from inputgrad_cli.preprocess import Preprocess
from inputgrad_cli.question import Question, Wish, choices_of, truth_of
from inputgrad_cli.rows import Record, Teller, merged
from inputgrad_cli.sample import Samples, keys
from inputgrad_cli.target import Choice, PinnedTarget
from inputgrad_cli.words import LAYER

CLASSES = 64  # classes of a Jacobian that are in memory beside the Jacobian itself


@dataclass(frozen=True)
class Answer:
    """The map of one wish and one target for a batch: values (B, ...), a record per sample.

    For the target `all` the class axis stands after the batch axis. With `error` there is no map.
    """

    wish: Wish
    target: str
    values: Arrays
    records: Sequence[Record]
    error: ItemError | None = None

    def row(self, number: int) -> Answer:
        """Return the answer for one sample alone."""
        part = slice(number, number + 1)
        return replace(self, values=take(self.values, part), records=self.records[part])


class View:
    """An engine as it is, but for what a kind of view changes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


class InTurn(View):
    """An engine that other batches keep busy: chunks gain nothing by being asked side by side."""

    lanes = 0


class CleanPass(View):
    """An engine that has been over the clean inputs already and does not go again."""

    def __init__(self, engine: Engine, inputs: Arrays, first: FirstPass) -> None:
        super().__init__(engine)
        self._inputs = inputs
        self._known = {
            id(target): found for target, found in zip(first.targets, first.gradients, strict=False)
        }

    def gradients(self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]) -> Gradients:
        """Return the gradients, from the first pass where it has them."""
        if inputs is self._inputs and id(target) in self._known:
            return self._known[id(target)]
        return self._engine.gradients(inputs, target, sites)


def explain_batch(
    engine: Engine, samples: Samples, question: Question, truth: Array | None = None
) -> list[Answer]:
    """Return an answer for each wish and map.

    One forward pass over the clean inputs serves all maps; `all` is done in groups of classes, so
    that hardly more than its result is held.
    """
    batch = _Batch(engine, samples, question, truth)
    maps = choices_of(question, engine.signature)
    single = [made[0] for made in maps if not made[0].group]
    found = dict(zip([c.asked for c in single], batch.columns(single), strict=True))
    jacobians = {made[0].group: batch.jacobian(made) for made in maps if made[0].group}
    asked = [made[0].group or made[0].asked for made in maps]
    answers = []
    for number, wish in enumerate(question.wishes):
        for name in asked:
            made = (jacobians.get(name) or found[name])[number]
            answers.append(
                Answer(wish, name, {}, (), made)
                if isinstance(made, ItemError)
                else Answer(wish, name, *made)
            )
    return answers


Made = tuple[Arrays, list[Record]]
Map = Made | ItemError


def _with_check(made: Map, check: GradientCheck | None) -> Map:
    """Return a map with the check of the gradient in its records."""
    if check is None or isinstance(made, ItemError):
        return made
    values, records = made
    told = enumerate(records)
    return values, [{**r, "checks": {**r["checks"], "gradient": check.record(n)}} for n, r in told]


class _Batch:
    """A batch of samples, lifted to points, and what all its cases share."""

    def __init__(
        self, engine: Engine, samples: Samples, question: Question, truth: Array | None
    ) -> None:
        self.engine, self.samples, self.question, self.truth = engine, samples, question, truth
        self.names: Mapping[str, str] = engine.sites(question.wrt)
        self.sites = tuple(self.names)
        self.points = engine.lift(samples.arrays, self.sites)
        self.tokens = engine.tokens(samples.arrays)
        self._keys = self._made_keys()
        self._baseline: Arrays | None = None
        self._references: dict[str, Array] = {}

    def _made_keys(self) -> list[bytes]:
        """Return the seeds of the samples; where nothing draws, none are worked out."""
        asked = self.question
        drawing = any(wish.method.random for wish in asked.wishes) or asked.check_grad
        if drawing or (asked.baseline is not None and asked.baseline.random):
            return keys(self.samples.arrays, asked.seed)
        return [b""] * len(self.samples)

    def columns(self, choices: Sequence[Choice]) -> list[list[Map]]:
        """Return for each choice the map of each wish."""
        if not choices:
            return []
        wanted = any(wish.method.clean_gradient for wish in self.question.wishes)
        truths = [
            truth_of(c, self.truth, self.question, self.engine.signature, len(self.samples))
            for c in choices
        ]
        first = self.engine.first(self.points, choices, self.sites, truths, gradients=wanted)
        shared = CleanPass(self.engine, self.points, first)
        checks = [self._gradient(shared, first, number) for number in range(len(choices))]
        return [
            [
                _with_check(self._map(shared, wish.method, first, number), check)
                for wish in self.question.wishes
            ]
            for number, check in enumerate(checks)
        ]

    def jacobian(self, choices: Sequence[Choice]) -> list[Map]:
        """Return for each wish one map of all the choices, on an axis after the batch axis."""
        values: list[dict[str, Array]] = [{} for _ in self.question.wishes]
        records: list[list[list[Record]]] = [[] for _ in self.question.wishes]
        for start in range(0, len(choices), CLASSES):
            for place, maps in enumerate(self.columns(choices[start : start + CLASSES]), start):
                for number, made in enumerate(maps):
                    if isinstance(made, ItemError):
                        return list(maps)
                    part, told = made
                    for site, array in part.items():
                        shape = (len(array), len(choices), *array.shape[1:])
                        whole = values[number].setdefault(site, np.empty(shape, np.float32))
                        whole[:, place] = array
                    records[number].append(told)
        return [
            (arrays, [merged(row, choices[0].group) for row in zip(*told, strict=True)])
            for arrays, told in zip(values, records, strict=True)
        ]

    def _gradient(self, engine: Engine, first: FirstPass, number: int) -> GradientCheck | None:
        """Return the gradient of a choice held against differences, where that was asked for."""
        if not self.question.check_grad:
            return None
        return check_gradient(engine, self._case(Method(), first, number))

    def _map(self, engine: Engine, method: Method, first: FirstPass, number: int) -> Map:
        case = self._case(method, first, number)
        finding = over_baselines(method, engine, case)
        if finding.disconnected == set(finding.values):
            return self._disconnected(case)
        head = self.engine.signature.head(case.target.choice.head)
        teller = Teller(first, self.question.labels, self.names)
        records = teller.records(case, finding, head)
        for row, record in enumerate(records if self.tokens else ()):
            record["tokens"] = {name: rows[row] for name, rows in self.tokens.items()}
        layer = finding.facts.get("layer")  # a map of a layer keeps the layer's name
        names = {site: self.names.get(site, site) for site in finding.values if site != layer}
        return {names.get(site, site): a for site, a in finding.values.items()}, records

    def _case(self, method: Method, first: FirstPass, number: int) -> Case:
        return Case(
            self.points,
            first.targets[number],
            self.sites,
            self.baseline() if method.uses_baseline else self.points,
            self._keys,
            self.question.tolerance,
            first.scores[number],
            self._references if method.uses_baseline else {},
            {s: p.axes for s in self.sites if (p := self._pixels(s)) is not None},
            self.question.wrt if (self.question.wrt or "").startswith(LAYER) else None,
        )

    def baseline(self) -> Arrays:
        """Return the baseline of every sample; outside the sites it is the input itself."""
        if self._baseline is None:
            made = dict(self.points)
            for site in self.sites:
                made[site] = self._made(site, made[site])
            self._baseline = made
        return self._baseline

    def _made(self, site: str, array: Array) -> Array:
        """Return the baseline at a site; of several in a file, which stay beside it, the first."""
        picture = site in self.samples.preprocess
        chosen = self.question.baseline or (Black() if picture else Zeros())
        if not isinstance(chosen, Given):
            return chosen.make(array, site, self._keys, self._pixels(site))
        given = fitted(self.question.given.get(site), array, site)
        if isinstance(chosen, Dataset):
            self._references[site] = given
        return np.ascontiguousarray(np.broadcast_to(given[0], array.shape))

    def _pixels(self, site: str) -> Preprocess | None:
        return self.samples.preprocess.get(site) or self.question.pictures.get(site)

    def _disconnected(self, case: Case) -> ItemError:
        return ItemError(
            "the target does not depend on any input that was asked about",
            reason=self.engine.blame(case.inputs, case.sites) or "no way leads there",
            mend="choose another --target, or a layer behind it: --wrt layer:NAME",
            kind="disconnected",
        )
