"""Asks an engine for the scores and gradients of points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inputgrad_cli.data.class_margin_targets import count_classes, pin_pairs, pin_rivals
from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget
from inputgrad_cli.data.targets.find_class import select_class
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.goal import Evaluation, Pieces, Rows
from inputgrad_cli.numeric.array_helpers import Array, Arrays, take_rows
from inputgrad_cli.optimization.points_to_inputs import SearchSpace
from inputgrad_cli.optimization.success_criterion import Aim

CLASSES_PER_PASS = 16  # gradients of so many classes come from one pass, as the engine groups them


@dataclass(frozen=True)
class EngineObjective:
    """The score of points by a model: an `Objective`. Space and aim have the same items.

    With `climbs_cross_entropy` the gradients by which a class is left are those of its
    cross-entropy; the scores are margins all the same, because their sign is the success.
    """

    engine: Engine
    space: SearchSpace
    aim: Aim
    climbs_cross_entropy: bool = False

    def compute_scores(self, points: Array, rows: Rows) -> Array:
        """Return the scores of the points (N, D), float64 (N,)."""
        return self.aim.compute_scores(self.compute_values(points, rows), rows)

    def compute_values(self, points: Array, rows: Rows) -> Array:
        """Return the values of the target at the points (N, D), float32 (N,)."""
        inputs = self.space.to_inputs(points, rows)
        return self.engine.compute_scores(inputs, self.aim.target.take(rows))

    def compute_gradients(self, points: Array, rows: Rows) -> Evaluation:
        """Return the scores of the points (N, D), and the gradients to follow from there."""
        inputs = self.space.to_inputs(points, rows)
        if self._smooth_margin is not None:
            return self._follow_cross_entropy(inputs, rows, self._smooth_margin)
        values, gradients = self._differentiate(inputs, self.aim.target.take(rows))
        slopes = self.aim.compute_slopes(values, rows)
        return Evaluation(self.aim.compute_scores(values, rows), gradients * slopes[:, np.newaxis])

    def compute_pieces(self, points: Array, rows: Rows, count: int) -> Pieces:
        """Return the `count` largest pieces of the scores at most, and their gradients.

        To leave a class there is one for every other class: its logit minus that of the class.
        """
        total = count_classes(self.aim.output)
        if self.aim.left is None or total <= 2:
            evaluation = self.compute_gradients(points, rows)
            return Pieces(evaluation.scores[:, np.newaxis], evaluation.gradients[:, np.newaxis])
        inputs, count = self.space.to_inputs(points, rows), min(count, total - 1)
        if total <= CLASSES_PER_PASS:
            return self._compare_all(inputs, self.aim.left[rows], count)
        return self._compare_nearest(inputs, self.aim.left[rows], count)

    def round_points(self, points: Array) -> Array:
        """Return the points with the values that a file stores: pixels are whole numbers."""
        return self.space.round_points(points)

    @cached_property
    def _smooth_margin(self) -> PinnedTarget | None:
        """Return the logit of each class to leave minus the logsumexp of all others, or None.

        With two classes that is the margin itself, and it means nothing for other values.
        """
        aim, space = self.aim, self.aim.target.resolved.space
        if not self.climbs_cross_entropy or aim.left is None or space != "logit":
            return None
        if count_classes(aim.output) <= 2:
            return None
        return pin_rivals(aim.output, space, aim.left, "logsumexp")

    def _follow_cross_entropy(
        self, inputs: Arrays, rows: Rows, smooth_margin: PinnedTarget
    ) -> Evaluation:
        """Return the scores of points, and the gradients of how far the class has been left.

        The cross-entropy is the softplus of that, so that its gradient has the same direction, but
        vanishes where a softmax is sure.
        """
        _, gradients = self._differentiate(inputs, smooth_margin.take(rows))
        values = self.engine.compute_scores(inputs, self.aim.target.take(rows))
        return Evaluation(self.aim.compute_scores(values, rows), -gradients, score_calls=1)

    def _differentiate(self, inputs: Arrays, target: PinnedTarget) -> tuple[Array, Array]:
        """Return the values of a target, (N,), and their gradients at the points, (N, D)."""
        result = self.engine.compute_gradients(inputs, target, self.space.names)
        # One of several inputs may have no derivative. If none has, its zeros would look like a
        # flat score, which is another fault with another remedy.
        if result.disconnected >= set(self.space.names):
            raise self._build_disconnected_error(inputs, target)
        return result.scores, self.space.pull_back(result.values)

    def _build_disconnected_error(self, inputs: Arrays, target: PinnedTarget) -> ItemError:
        names = ", ".join(repr(name) for name in self.space.names)
        reason = self.engine.find_gradient_blockers(inputs, self.space.names, target)
        return ItemError(
            f"the target has no derivative at {names}",
            reason=reason or "it does not depend on what may move",
            hint="name another --target, or let other inputs move",
            kind="disconnected",
        )

    def _compare_all(self, inputs: Arrays, left: Rows, count: int) -> Pieces:
        """Return the pieces of few classes: one pass gives the gradients of all."""
        output, resolved = self.aim.output, self.aim.target.resolved
        base = ResolvedTarget("", output.name, "units", resolved.space)
        choices = [select_class(base, output, k) for k in range(count_classes(output))]
        first = self.engine.run_first_pass(inputs, choices, self.space.names)
        items = np.arange(len(left))
        values = np.stack([np.asarray(v, np.float64) for v in first.scores], axis=1)
        gradients = np.stack([self.space.pull_back(g.values) for g in first.gradients], axis=1)
        scores = values - values[items, left][:, np.newaxis]
        scores[items, left] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        own = gradients[items, left][:, np.newaxis]
        return Pieces(
            np.take_along_axis(scores, order, axis=1), gradients[items[:, np.newaxis], order] - own
        )

    def _compare_nearest(self, inputs: Arrays, left: Rows, count: int) -> Pieces:
        """Return the pieces of many classes: the nearest by the outputs, one gradient each."""
        output, resolved = self.aim.output, self.aim.target.resolved
        # A pass needs a target. Only its outputs are used, so this is the cheapest one.
        largest = ResolvedTarget("", output.name, "reduce", "output", argument="max")
        first = self.engine.run_first_pass(inputs, [largest], (), gradients=False)
        items = np.arange(len(left))
        values = np.array(first.outputs[output.name], np.float64).reshape(len(left), -1)
        values[items, left] = -np.inf
        # A stable order, so that equal outputs give the same classes on every machine.
        others = np.argsort(-values, axis=1, kind="stable")[:, :count]
        repeated = np.repeat(items, count)
        target = pin_pairs(output, resolved.space, others.reshape(-1), left[repeated])
        scores, gradients = self._differentiate(take_rows(inputs, repeated), target)
        shape = (len(left), count)
        return Pieces(np.asarray(scores, np.float64).reshape(shape), gradients.reshape(*shape, -1))
