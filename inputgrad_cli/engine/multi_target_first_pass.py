"""Runs the first pass over the clean inputs, which resolves ranks and serves many targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget, pin
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.pass_runner import Runner
from inputgrad_cli.engine.score_gradient_functions import build_first_pass_program, run_gradients
from inputgrad_cli.engine.tensor_array_conversion import (
    apply_pins,
    concat_first_passes,
    join_targets,
    to_gradients,
    to_pins,
)
from inputgrad_cli.engine.traced_function_compiler import Program
from inputgrad_cli.interfaces.engine import FirstPass, Gradients
from inputgrad_cli.numeric.array_helpers import Array, Arrays, count_rows, fill_open_axes, take_rows

TARGETS_PER_PASS = 16  # more targets in one forward pass only need more memory
Request = tuple[ResolvedTarget, Array | None]
"""A choice of a target with its true values."""


@dataclass(frozen=True)
class FirstPasses:
    """Runs a model on its clean inputs, to serve many requests at once."""

    runner: Runner
    signature: Signature

    def run(
        self,
        inputs: Arrays,
        requests: Sequence[Request],
        sites: tuple[str, ...],
        *,
        gradients: bool,
    ) -> FirstPass:
        """Return the outputs, and for each request its target, scores and gradients."""
        choices = [choice for choice, _ in requests]
        # For the target `all` one pass would hold a gradient of each sample for every class.
        if gradients and len(requests) > TARGETS_PER_PASS and _share_program(choices):
            without_gradients = self._run_group(inputs, requests, sites, with_gradients=False)
            targets = without_gradients.targets
            return replace(
                without_gradients,
                gradients=_compute_unit_gradients(self.runner, inputs, targets, sites),
            )
        size = TARGETS_PER_PASS if gradients else len(requests)
        groups = [requests[i : i + size] for i in range(0, len(requests), size)]
        return _join_groups(
            [self._run_group(inputs, g, sites, with_gradients=gradients) for g in groups]
        )

    def _run_group(
        self,
        inputs: Arrays,
        requests: Sequence[Request],
        sites: tuple[str, ...],
        *,
        with_gradients: bool,
    ) -> FirstPass:
        """Run one pass that serves all requests."""
        programs = tuple(choice.to_trace_key(pinned=False) for choice, _ in requests)
        terms = tuple(len(choice.terms) for choice, _ in requests)
        fed = tuple(name for name in inputs if is_tap(name))
        key = ("first", programs, terms, sites, with_gradients, fed)

        def build_program() -> Program:
            return build_first_pass_program(
                self.runner.adapter, self.signature, programs, sites, with_gradients
            )

        def work(rows: Array, real: int) -> FirstPass:
            part = take_rows(inputs, rows)
            targets = [
                self._pin(c, len(rows), None if truth is None else truth[rows])
                for c, truth in requests
            ]
            pins_of_targets = [to_pins(target) for target in targets]
            outputs, pins, scores, gradients = self.runner.run(
                key, build_program, part, pins_of_targets
            )
            return FirstPass(
                {name: np.asarray(y)[:real] for name, y in outputs.items()},
                [apply_pins(t, p).take(slice(real)) for t, p in zip(targets, pins, strict=True)],
                [np.asarray(s)[:real] for s in scores],
                # Where no gradients are asked for, their list is empty.
                [to_gradients(part, f, s, real) for f, s in zip(gradients, scores, strict=False)],
            )

        return concat_first_passes(self.runner.map_passes(count_rows(inputs), work))

    def _pin(self, choice: ResolvedTarget, rows: int, truth: Array | None) -> PinnedTarget:
        if choice.kind != "loss":
            return pin(choice, rows, truth)
        shape = fill_open_axes(
            self.signature.get_output(choice.head).shape or (),
            () if truth is None else truth.shape[1:],
        )
        return pin(
            choice, rows, self.runner.adapter.losses.prepare_truth(choice, truth, (rows, *shape))
        )


def _join_groups(parts: Sequence[FirstPass]) -> FirstPass:
    """Merge the passes of several groups of choices over the same inputs."""
    return FirstPass(
        # Each pass has the outputs of its own choices, which may be those of different layers.
        {name: output for part in parts for name, output in part.outputs.items()},
        [target for part in parts for target in part.targets],
        [scores for part in parts for scores in part.scores],
        [gradients for part in parts for gradients in part.gradients],
    )


def _compute_unit_gradients(
    runner: Runner, inputs: Arrays, targets: Sequence[PinnedTarget], sites: Sequence[str]
) -> list[Gradients]:
    """Return the gradients of many units of one output; each sample is repeated once per unit.

    Passes of full size are faster than one pass per unit, and never hold more than one batch.
    """
    joined = join_targets(targets)
    total = count_rows(inputs)
    results = [
        Gradients({s: np.empty_like(inputs[s]) for s in sites}, np.empty(total, np.float32))
        for _ in targets
    ]
    for start in range(0, total * len(targets), runner.batch_size):
        flat = np.arange(start, min(start + runner.batch_size, total * len(targets)))
        part = run_gradients(
            runner, take_rows(inputs, flat % total), joined.take(flat), sites=sites
        )
        for position, index in enumerate(flat):
            unit, row = divmod(int(index), total)
            results[unit].scores[row] = part.scores[position]
            for site in sites:
                results[unit].values[site][row] = part.values[site][position]
        disconnected = part.disconnected
    return [replace(result, disconnected=disconnected) for result in results]


def _share_program(choices: Sequence[ResolvedTarget]) -> bool:
    """Return whether all choices are units that one program can compute."""
    kinds = {(choice.to_trace_key(pinned=True), len(choice.terms)) for choice in choices}
    return len(kinds) == 1 and bool(choices[0].terms)
