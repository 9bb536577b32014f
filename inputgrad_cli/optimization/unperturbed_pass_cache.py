"""The unchanged inputs of a batch; passes over them serve all goals and targets."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget
from inputgrad_cli.interfaces.engine import Engine, FirstPass
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.points_to_inputs import SearchSpace


class CleanInputs:
    """The starts of the searches of a batch, and what passes over them gave.

    A pass that was run for one goal and target is not run again for another that asks for the same.
    """

    def __init__(self, engine: Engine, space: SearchSpace) -> None:
        self.engine, self.space = engine, space
        self._passes: dict[Hashable, FirstPass] = {}
        self._values: dict[Hashable, Array] = {}

    def run_first_pass(
        self, choices: Sequence[ResolvedTarget], truths: Sequence[Array | None] = ()
    ) -> FirstPass:
        """Return a pass without gradients that pins the targets, from `Engine.run_first_pass`."""
        contents = tuple(map(_get_bytes, truths or [None] * len(choices)))
        key = (tuple(map(_leave_text_out, choices)), contents)
        if key not in self._passes:
            self._passes[key] = self.engine.run_first_pass(
                self.space.inputs, choices, (), truths, gradients=False
            )
        first = self._passes[key]
        targets = [
            replace(target, resolved=choice)
            for target, choice in zip(first.targets, choices, strict=True)
        ]
        return replace(first, targets=targets)

    def compute_values(self, target: PinnedTarget) -> Array:
        """Return the values of the target at the starts, float32 (B,)."""
        arrays = (target.index, target.signs, target.offset, target.truth)
        key = (_leave_text_out(target.resolved), *map(_get_bytes, arrays))
        if key not in self._values:
            rows = np.arange(len(self.space), dtype=np.intp)
            inputs = self.space.to_inputs(self.space.start, rows)
            self._values[key] = self.engine.compute_scores(inputs, target)
        return self._values[key]


def _leave_text_out(target: ResolvedTarget) -> ResolvedTarget:
    """Return the target without the words in which it was written."""
    return replace(target, text="")


def _get_bytes(array: Array | None) -> bytes | None:
    """Return the content of an array; all that are compared are of one type."""
    return None if array is None else np.asarray(array).tobytes()
