"""Builds targets that compare a class with the others, and reads classes from outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget, Space
from inputgrad_cli.data.signature import OutputSpec
from inputgrad_cli.data.targets.find_class import select_class
from inputgrad_cli.numeric.array_helpers import Array

Classes = NDArray[np.intp]
"""Indices of classes, one for each sample, (B,)."""


def count_classes(output: OutputSpec) -> int:
    """Return the number of classes of an output; 0 if it has none, as a regression."""
    if output.is_binary:
        return 2
    total = output.class_count or 0
    # A single value that is no sigmoid is a number, as in a regression.
    return total if total > 1 else 0


def resolve_rival(
    output: OutputSpec, space: Space, class_index: int, argument: str = "max"
) -> ResolvedTarget:
    """Return a class minus the best of the other classes, their maximum or their `logsumexp`.

    For one sigmoid unit that is the logit of the class; in another space it is 2 p - 1, where p is
    the probability of the class. It is zero where both classes are equal.
    """
    text = f"class:{class_index}"
    if not output.is_binary:
        chosen = ResolvedTarget(text, output.name, "rival", space, argument=argument)
        return select_class(chosen, output, class_index)
    sign = 1.0 if class_index else -1.0
    scale, offset = (1.0, 0.0) if space == "logit" else (2.0, -sign)
    unit = (0,) * len(output.shape or ())
    return ResolvedTarget(
        text, output.name, "units", space, (unit,), signs=(scale * sign,), offset=offset
    )


def pin_rivals(
    output: OutputSpec, space: Space, classes: Classes, argument: str = "max"
) -> PinnedTarget:
    """Return for each sample the margin of its own class over the others."""
    margins = [resolve_rival(output, space, int(index), argument) for index in classes]
    axes = len(output.shape or ())
    return PinnedTarget(
        margins[0],
        np.array([margin.terms for margin in margins], np.int32).reshape(len(margins), 1, axes),
        np.array([margin.signs for margin in margins], np.float32),
        np.array([margin.offset for margin in margins], np.float32),
    )


def pin_pairs(output: OutputSpec, space: Space, classes: Classes, others: Classes) -> PinnedTarget:
    """Return for each sample one class minus another, of an output with a unit for each class."""
    resolved = ResolvedTarget("", output.name, "units", space, signs=(1.0, -1.0))
    index = np.array(
        [
            [output.get_class_index(int(first)), output.get_class_index(int(second))]
            for first, second in zip(classes, others, strict=True)
        ],
        np.int32,
    )
    rows = len(index)
    signs = np.broadcast_to(np.array([1, -1], np.float32), (rows, 2))
    return PinnedTarget(resolved, index, signs, np.zeros(rows, np.float32))


def get_pinned_classes(target: PinnedTarget, output: OutputSpec) -> Classes:
    """Return the class of each sample of a target that is one class."""
    if output.is_binary:  # class 0 has the negative sign
        return np.asarray(target.signs[:, 0] > 0, np.intp)
    return np.asarray(target.index[:, 0].sum(axis=-1), np.intp)  # other axes have length 1


@dataclass(frozen=True)
class Prediction:
    """The predicted class of each sample, (B,), and its probability, NaN if the output has none."""

    classes: Classes
    probabilities: Array


def read_prediction(values: Array, output: OutputSpec, top: PinnedTarget) -> Prediction:
    """Return the predicted classes, from an output (B, ...) and the target that is its top class.

    It is the class with the largest value. Of several independent sigmoid units, of which many may
    be 1 after rounding, it is the class with the largest logit.
    """
    flat = values.reshape(len(values), -1).astype(np.float64)
    if output.is_binary:
        classes = np.asarray(flat[:, 0] >= 0.5, np.intp)
        return Prediction(classes, np.where(classes == 1, flat[:, 0], 1 - flat[:, 0]))
    is_independent = output.activation == "sigmoid"
    classes = get_pinned_classes(top, output) if is_independent else np.argmax(flat, axis=1)
    best = flat[np.arange(len(flat)), classes]
    if output.activation == "log_softmax":
        best = np.exp(best)
    elif output.activation is None:
        best = np.full_like(best, np.nan)
    return Prediction(classes, best)
