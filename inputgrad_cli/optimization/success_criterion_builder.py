"""Decides when a search has succeeded: the scalar of each sample, and where it shall be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inputgrad_cli.data.class_margin_targets import (
    Classes,
    count_classes,
    get_pinned_classes,
    pin_rivals,
    read_prediction,
)
from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget, pin
from inputgrad_cli.data.signature import OutputSpec
from inputgrad_cli.data.targets.mask_target import build_mask_truth
from inputgrad_cli.data.targets.resolve_target import resolve_target
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine, FirstPass
from inputgrad_cli.interfaces.goal import Goal
from inputgrad_cli.modelfile.compiled_loss_target import resolve_compiled_loss
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.request import OptimizeRequest
from inputgrad_cli.optimization.success_criterion import Aim, resolve_top_class
from inputgrad_cli.optimization.target_value_interval import choose_interval
from inputgrad_cli.optimization.unperturbed_pass_cache import CleanInputs

# The smallest score of another class: a tie is no change. Smaller floats may be read as zero.
LEAST_CHANGE = float(np.finfo(np.float32).tiny)
CLASS_KINDS = ("auto", "class", "top")  # targets that are a class, where the output has classes


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
    # A margin is 0 at the boundary whatever the input. Any other scalar is scored first, because
    # its direction may depend on where it is now.
    if count_classes(output) and is_class_comparison(request.goal, request.target):
        return _build_class_aim(request, output, pinned, truth, first), first
    scores = clean.compute_values(pinned)
    return Aim(pinned, output, *choose_interval(request, resolved, scores)), first


def build_margin_aim(aim: Aim, request: OptimizeRequest) -> Aim | None:
    """Return the aim to raise the margin of each class whose own logit is raised without an end.

    None if the score is no such logit.
    """
    is_class = request.target.kind in CLASS_KINDS and count_classes(aim.output) > 0
    is_class &= aim.left is None and aim.sought is None
    if not is_class or aim.target.resolved.space != "logit" or np.isfinite(aim.high).any():
        return None
    classes = get_pinned_classes(aim.target, aim.output)
    return replace(aim, target=pin_rivals(aim.output, "logit", classes))


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


def is_class_comparison(goal: Goal | type[Goal], target: Target) -> bool:
    """Return whether a goal compares the class of a target with the others, if there are classes.

    Attacks and minimal changes do; a goal that climbs without an end takes the score of the class
    itself, which has no bound.
    """
    return (goal.leaves_class or goal.minimal) and target.kind in CLASS_KINDS


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
