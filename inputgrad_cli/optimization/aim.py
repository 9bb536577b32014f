"""Decides which scalar a search moves, in which direction, and where it has arrived.

A scalar f with an interval gives the score min(f - low, high - f). A class is left by its margin
over the others, with the interval below 0, and reached by the margin with the interval above 0:
the sign of the margin is the success, so that no loss has to be chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.data.class_margin import (
    Classes,
    Prediction,
    count_classes,
    get_pinned_classes,
    pin_rivals,
    read_prediction,
)
from inputgrad_cli.data.signature import OutputSpec
from inputgrad_cli.data.target import PinnedTarget, ResolvedTarget, pin
from inputgrad_cli.data.targets.mask_target import build_mask_truth
from inputgrad_cli.data.targets.resolve_target import resolve_target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine, FirstPass
from inputgrad_cli.modelfile.compiled_loss import resolve_compiled_loss
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.optimization.clean_inputs import CleanInputs
from inputgrad_cli.optimization.request import OptimizeRequest

# The smallest score of another class: a tie is no change. Smaller floats may be read as zero.
LEAST_CHANGE = float(np.finfo(np.float32).tiny)


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

    def is_there(self, scores: Array, prediction: Prediction | None) -> Array:
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


def resolve_aim_target(engine: Engine, request: OptimizeRequest) -> ResolvedTarget:
    """Return the only target of the request. Raises UsageError if the model lacks it."""
    target = request.target
    if not target.is_single_map:
        raise UsageError(
            f"target {target.text!r}: an input moves toward one target at a time",
            hint="name one, such as class:3 or unit:0",
        )
    signature = engine.signature
    (resolved,) = resolve_target(target, signature, request.space, request.labels)
    outputs = [output.name for output in signature.outputs]
    return resolve_compiled_loss(resolved, request.compiled_loss, outputs)


def build_aim(
    clean: CleanInputs, request: OptimizeRequest, truth: Array | None = None
) -> tuple[Aim, FirstPass]:
    """Return the aim of each sample, and the pass over the clean inputs by which it was chosen.

    `truth` holds the labels, (B,): the classes to leave, or what a loss compares with.
    """
    engine = clean.engine
    resolved = resolve_aim_target(engine, request)
    output = engine.signature.get_output(resolved.head)
    values = _get_truth(engine, resolved, request, truth, len(clean.space))
    pinned, first = _pin(clean, resolved, values)
    if count_classes(output) and _is_class_aim(request):
        return _build_class_aim(request, output, pinned, truth, first), first
    scores = clean.compute_values(pinned)
    return Aim(pinned, output, *_choose_interval(request, resolved, scores)), first


def _pin(
    clean: CleanInputs, resolved: ResolvedTarget, truth: Array | None
) -> tuple[PinnedTarget, FirstPass]:
    """Return the target of each sample, and a pass whose last target is the top class, if any.

    Where it can, the pass asks for the top class alone, so that the one over the results is of the
    same kind, and has been traced.
    """
    output = clean.engine.signature.get_output(resolved.head)
    is_top = resolved.kind == "rank" and resolved.rank == 0
    tops = [resolve_top_class(resolved)] if count_classes(output) and not is_top else []
    if tops and resolved.kind == "units":
        return pin(resolved, len(clean.space)), clean.run_first_pass(tops)
    first = clean.run_first_pass([resolved, *tops], [truth, *[None] * len(tops)])
    return first.targets[0], first


def _get_truth(
    engine: Engine,
    target: ResolvedTarget,
    request: OptimizeRequest,
    truth: Array | None,
    count: int,
) -> Array | None:
    """Return what a loss or a mask needs, (B, ...), None for other targets."""
    if target.kind == "loss":
        return truth
    if target.kind != "mask":
        return None
    return build_mask_truth(target, request.masks[target.argument], engine.signature, count)


def _is_class_aim(request: OptimizeRequest) -> bool:
    """Return whether the target is a class that the goal compares with the others.

    Attacks and minimal changes do; a goal that climbs without an end takes the score of the class
    itself, which has no bound.
    """
    compares = request.goal.leaves_class or request.goal.minimal
    return compares and request.target.kind in ("auto", "class", "top")


def _build_class_aim(
    request: OptimizeRequest,
    output: OutputSpec,
    pinned: PinnedTarget,
    truth: Array | None,
    first: FirstPass,
) -> Aim:
    """Return the aim to leave the label, or to reach the class that is named."""
    if request.direction != "auto" or len(request.until) > 1:
        raise UsageError(
            f"target {request.target.text!r} is a class, which is left or reached",
            hint="a direction, or two values of until, are for a target such as unit:0",
        )
    space = pinned.resolved.space
    total = count_classes(output)
    leaves = request.target.kind == "auto"
    if not leaves:
        classes = get_pinned_classes(pinned, output)
    elif truth is not None:
        classes = _check_labels(truth, total)
    else:
        classes = read_prediction(first.outputs[output.name], output, first.targets[-1]).classes
    margin = pin_rivals(output, space, classes)
    # Records and messages show the target as it was written, not the margin that stands for it.
    margin = replace(margin, resolved=replace(margin.resolved, text=request.target.text))
    rows = len(classes)
    least = max((LEAST_CHANGE, *request.until))
    low, high = np.zeros(rows), np.full(rows, np.inf)
    if leaves:
        low, high = np.full(rows, -np.inf), np.zeros(rows)
    wanted = np.full(rows, least)
    if leaves:
        return Aim(margin, output, low, high, wanted, left=classes)
    labels = None
    if truth is not None and request.goal.leaves_class:
        labels = _check_labels(truth, total)
    return Aim(margin, output, low, high, wanted, sought=classes, labels=labels)


def _check_labels(truth: Array, total: int) -> Classes:
    """Return the labels as classes; UsageError if one of them is none."""
    labels = np.asarray(truth)
    labels = labels.reshape(len(labels), -1)
    # Comparisons with NaN are false.
    is_class = (labels >= 0) & (labels < total) & (labels == np.floor(labels))
    if labels.shape[1] != 1 or not is_class.all():
        wrong = labels[~is_class][:1]
        raise UsageError(
            f"truth of shape {np.shape(truth)} holds no classes",
            reason=f"the classes are whole numbers from 0 to {total - 1}, one for each sample",
            received=f"{wrong[0]:g}" if len(wrong) else "",
        )
    return np.asarray(labels[:, 0], np.intp)


def _choose_interval(
    request: OptimizeRequest, resolved: ResolvedTarget, values: Array
) -> tuple[Array, Array, Array]:
    """Return low, high and wanted for a scalar that is no class; `values` are those now, (B,)."""
    until, shape = request.until, np.shape(values)
    if not until:
        _refuse_aimless(request, resolved)
    if len(until) == 2:
        return np.full(shape, until[0]), np.full(shape, until[1]), np.zeros(shape)
    rises = _choose_directions(request, resolved, values)
    # A goal that climbs without an end never arrives, so that it uses all of its steps.
    wanted = np.full(shape, np.inf)
    if until:
        # The interval of a scalar that falls ends at 0, so that its score is -f.
        wanted = np.where(rises, until[0], -until[0])
    return np.where(rises, 0.0, -np.inf), np.where(rises, np.inf, 0.0), wanted


def _choose_directions(
    request: OptimizeRequest, resolved: ResolvedTarget, values: Array
) -> NDArray[np.bool_]:
    """Return for which samples the scalar is to rise, (B,)."""
    goal = request.goal
    is_repaired = resolved.kind == "loss" and goal.minimal and not goal.leaves_class
    if request.direction == "auto" and not is_repaired:
        is_climb = not (goal.minimal or goal.leaves_class)
        return np.asarray(values < (np.inf if is_climb or not request.until else request.until[0]))
    return np.full(np.shape(values), request.direction == "up")


def _refuse_aimless(request: OptimizeRequest, resolved: ResolvedTarget) -> None:
    """Raise UsageError if a goal can never arrive, or does not know where to go."""
    goal = request.goal
    if goal.minimal:
        raise UsageError(
            f"goal {goal.name}: target {request.target.text!r} has no value to reach",
            reason=f"output {resolved.head!r} has no classes, or the target is none of them",
            hint="name the value with until, or two values to come between",
        )
    if goal.leaves_class and request.target.kind == "auto" and request.direction == "auto":
        raise UsageError(
            f"goal {goal.name}: output {resolved.head!r} has no classes to leave",
            hint="name a value to reach with until, or a direction, up or down",
        )
