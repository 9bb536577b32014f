"""From a batch of samples and a question to attributions: the tool's core, without files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.data.samples import Samples, keys
from inputgrad_cli.data.target import Choice, PinnedTarget
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.average_baselines import over_baselines
from inputgrad_cli.explanation.gradient_check import GradientCheck, check_gradient
from inputgrad_cli.explanation.map_checks import fault, underivable, without, without_failed
from inputgrad_cli.explanation.placement import Placement
from inputgrad_cli.explanation.request import Question, Wish, choices_of, truth_of
from inputgrad_cli.explanation.sample_record import Record, Row, Teller, merged
from inputgrad_cli.explanation.zero_maps import why_zero
from inputgrad_cli.interfaces.engine import Engine, FirstPass, Gradients
from inputgrad_cli.interfaces.method import Case, Method
from inputgrad_cli.numeric.arrays import Array, Arrays, take

CLASSES = 64  # classes of a Jacobian that are in memory beside the Jacobian itself


@dataclass(frozen=True)
class Answer:
    """The map of one wish and one target for a batch: values (B, ...), a record per sample.

    A sample that has failed has its error in the place of a record, and NaN for values. For the
    target `all` the class axis stands after the batch axis. With `error` there is no map.
    """

    wish: Wish
    target: str
    values: Arrays
    records: Sequence[Row]
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


Made = tuple[Arrays, list[Row]]
Map = Made | ItemError


def _with_check(made: Map, check: GradientCheck | None) -> Map:
    """Return a map with the check of the gradient in its records."""
    if check is None or isinstance(made, ItemError):
        return made
    values, records = made
    return values, [
        row
        if isinstance(row, ItemError)
        else {**row, "checks": {**row["checks"], "gradient": check.record(number)}}
        for number, row in enumerate(records)
    ]


class _Batch:
    """A batch of samples, lifted to points, and what all its cases share."""

    def __init__(
        self, engine: Engine, samples: Samples, question: Question, truth: Array | None
    ) -> None:
        self.engine, self.samples, self.question, self.truth = engine, samples, question, truth
        self._derived = Placement(engine, samples, question)
        self.points = self._derived.points
        self.tokens = engine.tokens(samples.arrays)
        self._keys = self._made_keys()
        self._baselines: dict[Placement, Arrays] = {}

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
        sites = self._derived.sites
        wanted = wanted and bool(sites)
        first = self.engine.first(self.points, choices, sites, truths, gradients=wanted)
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
        records: list[list[list[Row]]] = [[] for _ in self.question.wishes]
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
        if not self.question.check_grad or not self._derived.sites:
            return None
        return check_gradient(engine, self._case(Method(), self._derived, first, number))

    def _map(self, engine: Engine, method: Method, first: FirstPass, number: int) -> Map:
        placement = self._changed if method.changes else self._derived
        if not placement.sites and method.needs != "layer":
            return underivable(placement.unexplained)
        case = self._case(method, placement, first, number)
        finding = over_baselines(method, engine, case)
        blocked = self._blocked(case, finding.disconnected, placement)
        if finding.disconnected == set(finding.values):
            # What is held still was asked about too, where no input was named.
            blocked |= self._blocked(case, placement.unexplained, placement)
            return underivable(blocked) if blocked else _independent()
        finding = without(
            finding, [site for site, name in placement.names.items() if name in blocked]
        )
        # A map of a layer keeps the layer's name.
        layer = finding.facts.get("layer")
        names = {s: s if s == layer else placement.names.get(s, s) for s in finding.values}
        layers = [name for name in names.values() if name.startswith(LAYER)]
        finding = self._with_sight(finding, placement, layers)
        head = self.engine.signature.head(case.target.choice.head)
        teller = Teller(first, self.question.labels, placement.names)
        records: list[Row] = []
        told = self._with_zeros(teller.records(case, finding, head), method, case, layer)
        for row, record in enumerate(told):
            if self.tokens:
                record["tokens"] = {name: rows[row] for name, rows in self.tokens.items()}
            record["unexplained"] = {**placement.unexplained, **blocked}
            records.append(fault(method, case, finding, row) or record)
        values = without_failed(finding.values, records)
        return {names[site]: array for site, array in values.items()}, records

    def _with_zeros(
        self, records: list[Record], method: Method, case: Case, layer: str | None
    ) -> list[Record]:
        """Return records that say of maps of zeros why they are."""
        rows = [row for row, record in enumerate(records) if record["checks"]["zero"]]
        reasons = why_zero(self.engine, method, case.take(rows), layer) if rows else []
        for row, reason in zip(rows, reasons, strict=True):
            records[row]["checks"]["zero_because"] = reason
        return records

    def _with_sight(self, finding: Finding, placement: Placement, layers: Sequence[str]) -> Finding:
        """Return a finding that tells which inputs the layers see that its maps are of."""
        if not layers:
            return finding
        found = self.engine.inputs_of(placement.points, layers)
        sees = {layer: sorted(names) for layer, names in found.items()}
        return replace(finding, facts={**finding.facts, "sees": sees})

    def _blocked(self, case: Case, sites: Iterable[str], placement: Placement) -> dict[str, str]:
        """Return those that the target depends on though no derivative comes back, and why."""
        found = {}
        for site in sites:
            points = case.inputs if site in case.inputs else self.engine.lift(case.inputs, [site])
            if why := self.engine.blame(points, [site], case.target):
                found[placement.names.get(site, site)] = why
        return found

    @cached_property
    def _changed(self) -> Placement:
        """Return the samples where methods explain them that change inputs."""
        asked = self.question.wrt
        if self.engine.sites(asked, changed=True) == self._derived.names:
            return self._derived
        return Placement(self.engine, self.samples, self.question, changed=True)

    def _case(self, method: Method, placement: Placement, first: FirstPass, number: int) -> Case:
        asked = self.question.wrt or ""
        return Case(
            placement.points,
            first.targets[number],
            placement.sites,
            self._baseline(placement) if method.uses_baseline else placement.points,
            self._keys,
            self.question.tolerance,
            first.scores[number],
            placement.references if method.uses_baseline else {},
            {s: p.axes for s in placement.sites if (p := placement.pixels(s)) and not p.frames},
            asked if asked.startswith(LAYER) else None,
        )

    def _baseline(self, placement: Placement) -> Arrays:
        if placement not in self._baselines:
            self._baselines[placement] = placement.baseline(self._keys)
        return self._baselines[placement]


def _independent() -> ItemError:
    return ItemError(
        "the target does not depend on any input that was asked about",
        reason="no way leads there, and no change of them changed the score",
        mend="choose another --target, or a layer behind it: --wrt layer:NAME",
        kind="disconnected",
    )
