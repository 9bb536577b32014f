"""The criterion of success of each sample: the scalar that is moved, and where it shall be.

A scalar f with an interval gives the score min(f - low, high - f). A class is left by its margin
over the others, with the interval below 0, and reached by the margin with the interval above 0:
the sign of the margin is the success, so that no loss has to be chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.class_margin_targets import (
    Classes,
    Prediction,
    count_classes,
    read_prediction,
)
from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget
from inputgrad_cli.data.signature import OutputSpec
from inputgrad_cli.interfaces.engine import FirstPass
from inputgrad_cli.numeric.array_helpers import Array


@dataclass(frozen=True)
class Aim:
    """The scalar f of each sample, and where it shall go: all arrays are (B,).

    The score is min(f - low, high - f), and it has arrived where it is at least `wanted`. A class
    that is left is in `left`, one that is reached in `sought`, else they are None. `labels` are the
    true classes, where an attack is to reach another class.
    """

    target: PinnedTarget
    output: OutputSpec
    low: Array
    high: Array
    wanted: Array
    left: Classes | None = None
    sought: Classes | None = None
    labels: Classes | None = None

    def __len__(self) -> int:
        return len(self.wanted)

    @property
    def has_classes(self) -> bool:
        """Return whether the output predicts a class."""
        is_class = self.left is not None or self.sought is not None
        return is_class or (self.output.activation is not None and count_classes(self.output) > 0)

    @property
    def top(self) -> ResolvedTarget:
        """Return the target that is the top class, whatever the output predicts."""
        return resolve_top_class(self.target.resolved)

    def predict(self, first: FirstPass) -> Prediction | None:
        """Return the predicted classes, from a pass whose last target is the top class.

        Returns None if the output has no classes.
        """
        if not self.has_classes:
            return None
        return read_prediction(first.outputs[self.output.name], self.output, first.targets[-1])

    def take(self, rows: Array) -> Aim:
        """Return the aims of the chosen samples alone."""
        left, sought, labels = (
            None if classes is None else classes[rows]
            for classes in (self.left, self.sought, self.labels)
        )
        return replace(
            self,
            target=self.target.take(rows),
            low=self.low[rows],
            high=self.high[rows],
            wanted=self.wanted[rows],
            left=left,
            sought=sought,
            labels=labels,
        )

    def compute_scores(self, values: Array, rows: Array) -> Array:
        """Return the scores, float64, of values of the scalar (N,)."""
        values = np.asarray(values, np.float64)
        return np.asarray(np.minimum(values - self.low[rows], self.high[rows] - values))

    def compute_slopes(self, values: Array, rows: Array) -> Array:
        """Return the derivatives of the scores by the scalar, 1 or -1, (N,)."""
        values = np.asarray(values, np.float64)
        rises = values - self.low[rows] <= self.high[rows] - values
        return np.where(rises, np.float32(1), np.float32(-1))

    def has_arrived(self, scores: Array, prediction: Prediction | None) -> Array:
        """Return which stored results have arrived, (B,): by their scores and by their classes.

        The class is asked too, because rounding may make classes equal whose logits differ.
        """
        return np.asarray(np.logical_and.reduce(self._list_signs(scores, prediction)))

    def is_done_already(self, scores: Array, prediction: Prediction | None) -> Array:
        """Return which samples need no search, (B,): by their scores, classes or labels.

        An attack has nothing to do where the prediction was wrong before, or where the class to
        reach is the true one.
        """
        signs = self._list_signs(scores, prediction)
        if self.sought is not None and self.labels is not None:
            signs.append(self.labels == self.sought)
        return np.asarray(np.logical_or.reduce(signs))

    def _list_signs(self, scores: Array, prediction: Prediction | None) -> list[Array]:
        """Return the signs that samples have arrived, each (B,): the score, and any class."""
        signs = [np.asarray(scores >= self.wanted)]
        if prediction is not None and self.left is not None:
            signs.append(prediction.classes != self.left)
        if prediction is not None and self.sought is not None:
            signs.append(prediction.classes == self.sought)
        return signs


def resolve_top_class(resolved: ResolvedTarget) -> ResolvedTarget:
    """Return the top class of the target's output in its space."""
    return ResolvedTarget("", resolved.head, "rank", resolved.space)
