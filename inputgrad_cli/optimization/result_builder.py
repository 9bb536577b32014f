"""Builds the result of each sample of a batch from its points before and after the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from inputgrad_cli.data.class_margin_targets import Prediction, count_classes
from inputgrad_cli.data.optimization_arrays import SEARCH_NOTE
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.goal import PIXEL_RANGE, SearchResult
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.attack_radius import Radius, RadiusGoal
from inputgrad_cli.optimization.best_point_and_trace import REACHED, ROUNDING
from inputgrad_cli.optimization.points_to_inputs import SearchSpace
from inputgrad_cli.optimization.request import OptimizeRequest
from inputgrad_cli.optimization.sample_result import (
    TRACE_COLUMNS,
    Answer,
    Optimized,
    SearchCost,
    SearchTarget,
    Status,
    measure_change,
)
from inputgrad_cli.optimization.success_criterion import Aim

# The codes of notes; those about a single search are no warnings.
UNPROVED_NOTE, ROUNDED_START_NOTE = "logit-unproved", "start-rounded"
RADIUS_NOTE = "radius-rounded"


@dataclass(frozen=True)
class Outcome:
    """Points (B, D), their scores and the values of the target, (B,), and the prediction there."""

    points: Array
    scores: Array
    values: Array
    prediction: Prediction | None

    def replace_rows(self, rows: Array, other: Outcome) -> Outcome:
        """Return the outcome with these rows taken from another, which has no others."""
        points, scores = np.array(self.points), np.array(self.scores)
        points[rows], scores[rows] = other.points, other.scores
        values = np.array(self.values)
        values[rows] = other.values
        if self.prediction is None or other.prediction is None:
            return Outcome(points, scores, values, None)
        classes = np.array(self.prediction.classes)
        probabilities = np.array(self.prediction.probabilities)
        classes[rows] = other.prediction.classes
        probabilities[rows] = other.prediction.probabilities
        return Outcome(points, scores, values, Prediction(classes, probabilities))

    def find_nonfinite(self, noun: str) -> dict[int, ItemError]:
        """Return the errors of samples whose score is NaN or infinite, by row."""
        return {
            int(row): ItemError(
                f"the score at the {noun} is {self.scores[row]}",
                reason="the model gives no finite value there",
                kind="nonfinite",
            )
            for row in np.flatnonzero(~np.isfinite(self.scores))
        }


@dataclass(frozen=True)
class ResultBuilder:
    """Builds the results of a batch; `searches` are the positions in `result` by row.

    `doubts` are further notes by code, at the same positions.
    """

    space: SearchSpace
    aim: Aim
    request: OptimizeRequest
    before: Outcome
    after: Outcome
    result: SearchResult | None = None
    searches: Mapping[int, int] = field(default_factory=dict)
    doubts: Sequence[Mapping[str, str]] = ()

    def build(self, row: int) -> Optimized:
        """Return the result of a sample."""
        start, end = self.before.points[[row]], self.after.points[[row]]
        change = end.astype(np.float64) - start
        search, cost = self._decide_status(row), self._get_cost(row)
        # The search was there, but storing its result as a file does has lost it.
        if search == "failed" and cost.stopped == REACHED:
            cost = replace(cost, stopped=ROUNDING)
        values, changes = self.space.split(end), self.space.split(change.astype(np.float32))
        return Optimized(
            {name: array[0] for name, array in values.items()},
            {name: array[0] for name, array in changes.items()},
            self._get_trace(row),
            search,
            self._describe_target(row),
            self._describe(row, self.before),
            self._describe(row, self.after),
            measure_change(change[0], self._unit),
            cost,
            tuple(sorted(self.space.pictures)),
            tuple((radius.eps, radius.share) for radius in self._radii),
            self._list_notes(row),
        )

    @property
    def _unit(self) -> float:
        """Return the values of a radius of 1, as `Problem` has it."""
        is_all_pixels = self.space.pictures == frozenset(self.space.names)
        return PIXEL_RANGE if is_all_pixels else 1.0

    @cached_property
    def _radii(self) -> tuple[Radius, ...]:
        """Return the radii of an attack, in ascending order; none for other goals."""
        goal = self.request.goal
        return goal.choose_radii(self._unit) if isinstance(goal, RadiusGoal) else ()

    def _decide_status(self, row: int) -> Status:
        """Return whether the stored result has arrived; without an end, whether it is better."""
        if row not in self.searches:
            return "already"
        if np.isinf(self.aim.wanted[row]):
            is_better = self.after.scores[row] > self.before.scores[row]
            return "success" if is_better else "failed"
        return "success" if self._arrived[row] else "failed"

    @cached_property
    def _arrived(self) -> Array:
        return self.aim.has_arrived(self.after.scores, self.after.prediction)

    def _get_cost(self, row: int) -> SearchCost:
        if self.result is None or row not in self.searches:
            return SearchCost()
        result, position = self.result, self.searches[row]
        radius = float(result.radius[position])
        return SearchCost(
            int(result.gradient_calls[position]),
            int(result.score_calls[position]),
            int(result.steps[position]),
            int(result.restarts[position]),
            result.stops[position],
            radius if np.isfinite(radius) else None,
        )

    def _get_trace(self, row: int) -> Array:
        if self.result is None or row not in self.searches:
            return np.empty((0, len(TRACE_COLUMNS)))
        return np.asarray(self.result.traces[self.searches[row]], np.float64)

    def _describe_target(self, row: int) -> SearchTarget:
        aim, resolved = self.aim, self.aim.target.resolved
        wanted = float(aim.wanted[row])
        return SearchTarget(
            resolved.text,
            resolved.head,
            resolved.space,
            aim.target.get_unit_index(row),
            None if aim.left is None else int(aim.left[row]),
            None if aim.sought is None else int(aim.sought[row]),
            wanted if np.isfinite(wanted) else None,
        )

    def _describe(self, row: int, outcome: Outcome) -> Answer:
        score, value = float(outcome.scores[row]), float(outcome.values[row])
        if outcome.prediction is None:
            return Answer(score, value)
        index = int(outcome.prediction.classes[row])
        probability = float(outcome.prediction.probabilities[row])
        known = probability if np.isfinite(probability) else None
        return Answer(score, value, index, self._get_label(index), known)

    def _get_label(self, index: int) -> str | None:
        if len(self.request.labels) == count_classes(self.aim.output):
            return self.request.labels[index]
        return f"class {index}" if self.aim.output.is_binary else None

    def _list_notes(self, row: int) -> dict[str, str]:
        """Return what must be known of a result, by code."""
        notes: dict[str, str] = {}
        output, space = self.aim.output, self.aim.target.resolved.space
        if self.aim.has_classes and space != "logit" and (output.note or output.activation):
            notes[UNPROVED_NOTE] = (
                f"the search uses output {output.name!r} itself, not its logits: where a "
                "probability is nearly 0 or 1 its gradient vanishes, so that the search may fail "
                "although the model can be changed"
            )
        if self.result is not None and self.result.notes and row in self.searches:
            note = self.result.notes[self.searches[row]]
            notes |= {SEARCH_NOTE: note} if note else {}
        if rounded := [radius.note for radius in self._radii if radius.note]:
            notes[RADIUS_NOTE] = "; ".join(rounded)
        if self.doubts and row in self.searches:
            notes |= self.doubts[self.searches[row]]
        if row in self._rounded_starts:
            notes[ROUNDED_START_NOTE] = (
                "the picture holds more than 8 bits; the search starts at its rounding to 8 bits"
            )
        return notes

    @cached_property
    def _rounded_starts(self) -> frozenset[int]:
        """Return the samples that start at other pixels than the file has."""
        rows: set[int] = set()
        for part in self.space.parts:
            if part.preprocess is not None:
                start = part.to_input(self.space.start)
                is_moved = (start != self.space.inputs[part.name]).reshape(len(start), -1)
                rows |= set(map(int, np.flatnonzero(is_moved.any(axis=1))))
        return frozenset(rows)
