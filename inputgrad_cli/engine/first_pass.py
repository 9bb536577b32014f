"""The first pass over the clean inputs: ranks resolved and pinned, many targets at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.signature import Signature
from inputgrad_cli.data.target import Choice, PinnedTarget, pin
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import Binding
from inputgrad_cli.engine.computations import Program, first_of
from inputgrad_cli.engine.runner import Runner
from inputgrad_cli.engine.tensors import gradients_from, join_first, join_targets, pinned, pins_of
from inputgrad_cli.interfaces.engine import Engine, FirstPass, Gradients
from inputgrad_cli.numeric.arrays import Array, Arrays, count, open_ended, take


@dataclass(frozen=True)
class CleanPasses:
    """How a model is run for many choices at once."""

    binding: Binding
    runner: Runner
    signature: Signature

    def over(
        self,
        inputs: Arrays,
        asked: Sequence[tuple[Choice, Array | None]],
        sites: tuple[str, ...],
        gradients: bool,
    ) -> FirstPass:
        """Return one pass over the inputs that serves all choices, with their true values."""
        programs = tuple(choice.program(pinned=False) for choice, _ in asked)
        terms = tuple(len(choice.terms) for choice, _ in asked)
        fed = tuple(name for name in inputs if is_tap(name))
        key = ("first", programs, terms, sites, gradients, fed)

        def make() -> Program:
            return first_of(self.binding, self.signature, programs, sites, gradients)

        def work(rows: Array, real: int) -> FirstPass:
            part = take(inputs, rows)
            targets = [
                self._pin(c, len(rows), None if truth is None else truth[rows])
                for c, truth in asked
            ]
            given = [pins_of(target) for target in targets]
            outputs, pins, scores, found = self.runner.run(key, make, part, given)
            return FirstPass(
                {name: np.asarray(y)[:real] for name, y in outputs.items()},
                [pinned(t, p).take(slice(real)) for t, p in zip(targets, pins, strict=True)],
                [np.asarray(s)[:real] for s in scores],
                [gradients_from(part, f, s, real) for f, s in zip(found, scores, strict=False)],
            )

        return join_first(self.runner.each(count(inputs), work))

    def _pin(self, choice: Choice, rows: int, truth: Array | None) -> PinnedTarget:
        if choice.kind != "loss":
            return pin(choice, rows, truth)
        shape = open_ended(
            self.signature.head(choice.head).shape or (), () if truth is None else truth.shape[1:]
        )
        return pin(choice, rows, self.binding.losses.truth_for(choice, truth, (rows, *shape)))


def side_by_side(parts: Sequence[FirstPass]) -> FirstPass:
    """Return the passes of several groups of choices, over the same inputs, as one."""
    return FirstPass(
        parts[0].outputs,
        [target for part in parts for target in part.targets],
        [scores for part in parts for scores in part.scores],
        [found for part in parts for found in part.gradients],
    )


def tiled(
    engine: Engine, inputs: Arrays, targets: Sequence[PinnedTarget], sites: Sequence[str]
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
    for start in range(0, total * len(targets), engine.batch_size):
        flat = np.arange(start, min(start + engine.batch_size, total * len(targets)))
        part = engine.gradients(take(inputs, flat % total), whole.take(flat), sites)
        for place, number in enumerate(flat):
            unit, row = divmod(int(number), total)
            found[unit].scores[row] = part.scores[place]
            for site in sites:
                found[unit].values[site][row] = part.values[site][place]
        apart = part.disconnected
    return [replace(one, disconnected=apart) for one in found]


def alike(choices: Sequence[Choice]) -> bool:
    """Return whether the choices are units that one program serves."""
    kinds = {(choice.program(pinned=True), len(choice.terms)) for choice in choices}
    return len(kinds) == 1 and bool(choices[0].terms)
