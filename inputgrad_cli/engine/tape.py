"""The real engine: a Keras model under `tf.GradientTape`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.arrays import Array, Arrays, count, open_ended, take
from inputgrad_cli.contracts import FirstPass, Gradients
from inputgrad_cli.engine import fixes
from inputgrad_cli.engine.binding import Binding
from inputgrad_cli.engine.blame import blockers
from inputgrad_cli.engine.embeddings import tokens_of
from inputgrad_cli.engine.losses import truth_for
from inputgrad_cli.engine.passes import (
    gradients_from,
    join_first,
    join_gradients,
    join_targets,
    pinned,
    pins_of,
)
from inputgrad_cli.engine.programs import Program, first_of, gradients_of, scores_of
from inputgrad_cli.engine.quiet import Noise
from inputgrad_cli.engine.runner import Runner
from inputgrad_cli.engine.settle import Settled, settle
from inputgrad_cli.engine.sites import lift, sites_of
from inputgrad_cli.engine.taps import is_tap
from inputgrad_cli.signature import Signature
from inputgrad_cli.target import Choice, PinnedTarget, pin

GROUP = 16  # gradients of so many targets share one forward pass; more would only hold memory


class TapeEngine:
    """Scores and gradients of one model. `traced` compiles each kind of request once."""

    def __init__(
        self,
        binding: Binding,
        *,
        batch_size: int = 16,
        traced: bool = False,
        device: str | None = None,
        noise: Noise | None = None,
    ) -> None:
        self.binding = binding
        self.runner = Runner(binding, batch_size, traced, device, noise or Noise())
        self.precision = "float32"
        self._settled = Settled((), {}, False, {})
        self._layers: Sequence[str] = ()

    @property
    def batch_size(self) -> int:
        """Return how many samples one pass holds, as asked or as the model demands."""
        return self.runner.batch_size

    @property
    def signature(self) -> Signature:
        """Return inputs and outputs; the outputs are known once `settle` has run."""
        heads = self._settled.heads
        return Signature(
            self.binding.ports,
            tuple(head for head in heads if not is_tap(head.name)),
            tuple(head for head in heads if is_tap(head.name)),
        )

    @property
    def notes(self) -> Mapping[str, str]:
        """Return what a reader should know about the model, by code."""
        return self._settled.notes

    def prepare(
        self, precision: str = "float32", layers: Sequence[str] = (), seed: int = 0
    ) -> None:
        """Set precision (`float32` or the `model`'s own), layers that serve as outputs, seed."""
        self.runner.seed = seed
        own = fixes.own_precision(self.binding.model)
        if own and precision == "float32":
            fixes.widen(self.binding.model)
            self.precision = f"float32 (the model's own is {own})"
        elif own:
            self.precision = own
        self._layers = layers

    def settle(self, inputs: Arrays) -> None:
        """Run one real sample: outputs become known, logits proved, embeddings found."""
        with self.runner.here():
            self._settled = settle(self.binding, inputs, self._layers)
        self.runner.alone, self.runner.random = self._settled.alone, self._settled.random
        # A generator of TensorFlow's inside a graph can't be started anew.
        self.runner.traced = self._settled.needs_graph or (
            self.runner.traced and not self._settled.random
        )

    def sites(self, wrt: str | None) -> dict[str, str]:
        """Return what is differentiated: the engine's name of each site, and its public name."""
        return sites_of(self.binding, self._settled.taps, wrt)

    def lift(self, inputs: Arrays, sites: Sequence[str]) -> dict[str, Array]:
        """Return the inputs as points: floats where they are fed so, the taps' outputs added."""
        return lift(self.runner, inputs, sites)

    def blame(self, inputs: Arrays, sites: Sequence[str]) -> str:
        """Return what blocks the way from the sites, in words; nothing where nothing does."""
        with self.runner.here():
            rows, _ = next(iter(self.runner.passes(1)))
            found = blockers(self.binding, self.binding.tensors(take(inputs, rows)), sites)
        return f"{' and '.join(found[:3])} has no derivative" if found else ""

    def tokens(self, inputs: Arrays) -> dict[str, list[list[Any]]]:
        """Return what stands at each place of the inputs that go through an embedding, by sample.

        Words where the model holds the vocabulary, else ids.
        """
        if not self._settled.taps:
            return {}
        found: dict[str, list[list[Any]]] = {name: [] for name in self._settled.taps}
        for rows, real in self.runner.passes(count(inputs)):
            with self.runner.here():
                told = tokens_of(self.binding, take(inputs, rows), self._settled.taps)
            for name, tokens in told.items():
                found[name] += tokens[:real]
        return found

    def first(
        self,
        inputs: Arrays,
        choices: Sequence[Choice],
        sites: Sequence[str],
        truths: Sequence[Array | None] = (),
        gradients: bool = True,
    ) -> FirstPass:
        """Return the pass over the clean inputs, ranks resolved and pinned."""
        asked = list(zip(choices, truths or [None] * len(choices), strict=True))
        if gradients and len(asked) > GROUP and _alike(choices):
            plain = self.first(inputs, choices, sites, truths, gradients=False)
            return replace(plain, gradients=self._tiled(inputs, plain.targets, sites))
        size = GROUP if gradients else len(asked)
        groups = [asked[i : i + size] for i in range(0, len(asked), size)]
        parts = [self._first(inputs, group, tuple(sites), gradients) for group in groups]
        return FirstPass(
            parts[0].outputs,
            [target for part in parts for target in part.targets],
            [scores for part in parts for scores in part.scores],
            [found for part in parts for found in part.gradients],
        )

    def _tiled(
        self, inputs: Arrays, targets: Sequence[PinnedTarget], sites: Sequence[str]
    ) -> list[Gradients]:
        """Return the gradients of many units of one head: each sample stands once for each unit.

        Passes of full size beat a pass for every unit, and hold no more than one batch.
        """
        whole = join_targets(targets)
        total = count(inputs)
        found = [
            Gradients({s: np.empty_like(inputs[s]) for s in sites}, np.empty(total, np.float32))
            for _ in targets
        ]
        for start in range(0, total * len(targets), self.batch_size):
            flat = np.arange(start, min(start + self.batch_size, total * len(targets)))
            part = self.gradients(take(inputs, flat % total), whole.take(flat), sites)
            for place, number in enumerate(flat):
                unit, row = divmod(int(number), total)
                found[unit].scores[row] = part.scores[place]
                for site in sites:
                    found[unit].values[site][row] = part.values[site][place]
            apart = part.disconnected
        return [replace(one, disconnected=apart) for one in found]

    def scores(self, inputs: Arrays, target: PinnedTarget) -> Array:
        """Return the scalars of the target, (B,)."""
        choice = target.choice.program(pinned=True)
        key = ("scores", choice, target.index.shape[1:])

        def make() -> Program:
            return scores_of(self.binding, choice)

        parts = []
        for rows, real in self.runner.passes(count(inputs)):
            scores = self.runner.run(key, make, take(inputs, rows), pins_of(target.take(rows)))
            parts.append(np.asarray(scores)[:real])
        return np.concatenate(parts)

    def gradients(self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]) -> Gradients:
        """Return the gradients at the sites and the scalars."""
        choice = target.choice.program(pinned=True)
        key = ("gradients", choice, target.index.shape[1:], tuple(sites))

        def make() -> Program:
            return gradients_of(self.binding, choice, sites)

        parts = []
        for rows, real in self.runner.passes(count(inputs)):
            part = take(inputs, rows)
            found = self.runner.run(key, make, part, pins_of(target.take(rows)))
            parts.append(gradients_from(part, found[0], found[1], real))
        return join_gradients(parts)

    def _first(
        self,
        inputs: Arrays,
        asked: Sequence[tuple[Choice, Array | None]],
        sites: tuple[str, ...],
        gradients: bool,
    ) -> FirstPass:
        programs = tuple(choice.program(pinned=False) for choice, _ in asked)
        terms = tuple(len(choice.terms) for choice, _ in asked)
        key = ("first", programs, terms, sites, gradients)

        def make() -> Program:
            return first_of(self.binding, self.signature, programs, sites, gradients)

        parts = []
        for rows, real in self.runner.passes(count(inputs)):
            part = take(inputs, rows)
            targets = [
                self._pin(c, len(rows), None if truth is None else truth[rows])
                for c, truth in asked
            ]
            outputs, pins, scores, found = self.runner.run(
                key, make, part, [pins_of(t) for t in targets]
            )
            parts.append(
                FirstPass(
                    {name: np.asarray(y)[:real] for name, y in outputs.items()},
                    [pinned(t, p).take(slice(real)) for t, p in zip(targets, pins, strict=True)],
                    [np.asarray(s)[:real] for s in scores],
                    [gradients_from(part, f, s, real) for f, s in zip(found, scores, strict=False)],
                )
            )
        return join_first(parts)

    def _pin(self, choice: Choice, rows: int, truth: Array | None) -> PinnedTarget:
        if choice.kind != "loss":
            return pin(choice, rows, truth)
        shape = open_ended(
            self.signature.head(choice.head).shape or (), () if truth is None else truth.shape[1:]
        )
        return pin(choice, rows, truth_for(choice, truth, (rows, *shape)))


def _alike(choices: Sequence[Choice]) -> bool:
    """Return whether the choices are units that one program serves."""
    kinds = {(choice.program(pinned=True), len(choice.terms)) for choice in choices}
    return len(kinds) == 1 and bool(choices[0].terms)
