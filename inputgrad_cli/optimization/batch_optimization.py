"""Optimizes one batch of samples; reads and writes no files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inputgrad_cli.data.class_margin_targets import Prediction
from inputgrad_cli.data.samples import Samples, compute_keys
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.goal import Problem, Rows, SearchResult
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.engine_objective import EngineObjective
from inputgrad_cli.optimization.points_to_inputs import SearchSpace, build_space
from inputgrad_cli.optimization.reliability_warnings import Ends, describe_doubts
from inputgrad_cli.optimization.request import OptimizeRequest, SearchHooks
from inputgrad_cli.optimization.result_builder import Outcome, ResultBuilder
from inputgrad_cli.optimization.sample_result import Optimized
from inputgrad_cli.optimization.success_criterion import Aim
from inputgrad_cli.optimization.success_criterion_builder import build_aim, build_margin_aim
from inputgrad_cli.optimization.unperturbed_pass_cache import CleanInputs


def optimize_batch(
    engine: Engine,
    samples: Samples,
    request: OptimizeRequest,
    truth: Array | None = None,
    *,
    hooks: SearchHooks | None = None,
    clean: CleanInputs | None = None,
) -> list[Optimized | ItemError]:
    """Return the result of each sample, or the error of one that cannot be used.

    `truth` holds the labels, (B,), and `clean` what `prepare_inputs` returns, if several goals or
    targets share it. Samples that have arrived before the search are not moved. Every result is
    rounded as a file stores it, and evaluated after that.
    """
    clean = clean or prepare_inputs(engine, samples, request)
    aim, first = build_aim(clean, request, truth)
    batch = _Batch(samples, request, clean, aim, hooks or SearchHooks())
    return batch.optimize(aim.predict(first))


def prepare_inputs(engine: Engine, samples: Samples, request: OptimizeRequest) -> CleanInputs:
    """Return the inputs before a search, for all requests that let the same values move."""
    return CleanInputs(engine, build_space(engine, samples, request.limits, request.wrt))


@dataclass(frozen=True)
class _Batch:
    """Samples that are optimized together, each with an aim of its own."""

    samples: Samples
    request: OptimizeRequest
    clean: CleanInputs
    aim: Aim
    hooks: SearchHooks

    @property
    def engine(self) -> Engine:
        """Return the engine."""
        return self.clean.engine

    @property
    def space(self) -> SearchSpace:
        """Return the points of all samples."""
        return self.clean.space

    @cached_property
    def objective(self) -> EngineObjective:
        """Return the objective of all samples."""
        return EngineObjective(self.engine, self.space, self.aim)

    def optimize(self, prediction: Prediction | None) -> list[Optimized | ItemError]:
        """Return the results; `prediction` is that of the clean inputs."""
        rows = np.arange(len(self.space), dtype=np.intp)
        values = self.clean.compute_values(self.aim.target)
        before = self._to_outcome(self.space.start, rows, values, prediction)
        errors = before.find_nonfinite("start")
        is_open = ~self.aim.is_done_already(before.scores, prediction)
        is_open[list(errors)] = False
        moving = rows[is_open]
        result, after = None, before
        doubts: Sequence[Mapping[str, str]] = ()
        if len(moving):
            problem = self._build_problem(moving)
            result = self.request.goal.search(problem)
            stored = self._store(result, moving)
            after = before.replace_rows(moving, stored)
            errors = {**after.find_nonfinite("result"), **errors}
            doubts = self._describe_doubts(problem, result, before.scores[moving], stored)
        positions = {int(row): position for position, row in enumerate(moving)}
        builder = ResultBuilder(
            self.space, self.aim, self.request, before, after, result, positions, doubts
        )
        return [errors[row] if row in errors else builder.build(row) for row in map(int, rows)]

    def _describe_doubts(
        self, problem: Problem, result: SearchResult, before: Array, stored: Outcome
    ) -> list[dict[str, str]]:
        """Return the notes on what is doubtful in each search."""
        ends = Ends(before, stored.points, stored.scores)
        is_seeded = "random" in self.engine.notes
        return describe_doubts(self.request.goal, problem, result, ends, is_seeded=is_seeded)

    def _build_problem(self, rows: Rows) -> Problem:
        """Return the problem of moving these samples."""
        space, aim = self.space.take(rows), self.aim.take(rows)
        keys = compute_keys(self.samples.arrays, self.request.seed)
        climbs_cross_entropy = self.request.goal.climbs_cross_entropy
        return Problem(
            EngineObjective(self.engine, space, aim, climbs_cross_entropy),
            space.start,
            space.low,
            space.high,
            aim.wanted,
            [keys[row] for row in rows],
            space.shapes,
            space.pictures,
            features=space.features,
            series=space.series,
            from_noise=self.request.from_noise,
            data=space.data,
            margins=self._build_margins(space, aim),
            should_stop=self.hooks.should_stop,
            on_step=self.hooks.on_step,
            on_frame=self._build_frame_hook(rows),
        )

    def _build_margins(self, space: SearchSpace, aim: Aim) -> EngineObjective | None:
        """Return the margins of the classes that are climbed, or None if none is."""
        margin = build_margin_aim(aim, self.request)
        return None if margin is None else EngineObjective(self.engine, space, margin)

    def _build_frame_hook(self, rows: Rows) -> Callable[[int, Array, Rows], None] | None:
        """Return the goal's hook for frames, which sends on the pixels of points."""
        if (on_frame := self.hooks.on_frame) is None:
            return None

        def send(step: int, points: Array, positions: Rows) -> None:
            on_frame(step, self._split_pixels(self.space.round_points(points)), rows[positions])

        return send

    def _store(self, result: SearchResult, rows: Rows) -> Outcome:
        """Return what the model gives for the results as they are stored and read back."""
        points = self._read_back(self.space.round_points(result.points))
        if not self.aim.has_classes:
            return self._evaluate(points, rows, None)
        inputs = self.space.to_inputs(points, rows)
        first = self.engine.run_first_pass(inputs, [self.aim.top], (), gradients=False)
        return self._evaluate(points, rows, self.aim.predict(first))

    def _evaluate(self, points: Array, rows: Rows, prediction: Prediction | None) -> Outcome:
        """Return the scores of points, with the values of the target, and the prediction."""
        return self._to_outcome(
            points, rows, self.objective.compute_values(points, rows), prediction
        )

    def _to_outcome(
        self, points: Array, rows: Rows, values: Array, prediction: Prediction | None
    ) -> Outcome:
        return Outcome(points, self.aim.compute_scores(values, rows), values, prediction)

    def _read_back(self, points: Array) -> Array:
        """Return the points with their pixels as they are read from files that hold them."""
        values = self.space.split(points)
        for name, pictures in self._split_pixels(points).items():
            values[name] = np.stack([self.hooks.store_pixels(name, p) for p in pictures])
        return self.space.join(values)

    def _split_pixels(self, points: Array) -> dict[str, Array]:
        """Return the pixels of rounded points by picture input, uint8 (N, H, W, C)."""
        values = self.space.split(points)
        return {name: values[name].astype(np.uint8) for name in sorted(self.space.pictures)}
