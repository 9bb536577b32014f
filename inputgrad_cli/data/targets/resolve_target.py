"""Resolves a target as written to units, reductions or losses of a model's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget, Space
from inputgrad_cli.data.signature import OutputSpec, Signature
from inputgrad_cli.data.targets.find_class import find_class, require_classes, select_class
from inputgrad_cli.data.targets.mask_target import choose_mask_class, refuse_mask_misfit
from inputgrad_cli.data.targets.notation_hints import describe_parts
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import UsageError


def resolve_target(
    target: Target, signature: Signature, space: str, labels: Sequence[str]
) -> list[ResolvedTarget]:
    """Return one target per map: K for `top:K`, one per class for `all`, else one.

    Raises UsageError if the model does not have what is requested.
    """
    target = target.choose_reading([output.name for output in signature.outputs])
    output = _find_output(target, signature)
    if target.kind == "loss":
        # A loss takes the output as in training. Those of Keras themselves go back to the logits.
        return [ResolvedTarget(target.text, output.name, "loss", "output", argument=target.name)]
    if target.kind == "mask":
        refuse_mask_misfit(target, output)
    resolved = ResolvedTarget(
        target.text, output.name, "units", _resolve_space(space, output, target.text)
    )
    if target.kind == "mask":
        resolved = replace(resolved, kind="mask", argument=target.path)
        return [choose_mask_class(resolved, target, output, labels)]
    if target.kind == "reduce":
        return [replace(resolved, kind="reduce", argument=target.name)]
    if target.kind == "unit":
        return [replace(resolved, terms=(_resolve_unit(target, output),))]
    if target.kind == "margin":
        return [
            _build_margin(
                resolved, output, [find_class(w, output, labels, target) for w in target.classes]
            )
        ]
    if target.kind == "all":
        total = require_classes(target, output)
        return [replace(select_class(resolved, output, n), group=target.text) for n in range(total)]
    if target.kind == "class":
        return [
            select_class(resolved, output, find_class(target.classes[0], output, labels, target))
        ]
    return _resolve_top(target, resolved, output)


def _resolve_top(
    target: Target, resolved: ResolvedTarget, output: OutputSpec
) -> list[ResolvedTarget]:
    """Return the targets for `auto` and `top:K`."""
    # One unit leaves no choice, whether it is a regression or a sigmoid.
    if target.kind == "auto" and output.unit_count == 1:
        return [replace(resolved, terms=((0,) * len(output.shape or ()),))]
    if target.kind == "auto" and output.class_count is None:
        raise UsageError(
            f"target auto does not fit output {output.name!r} of shape {output.shape}",
            hint=f"name one: {describe_parts(output.shape)}, "
            "loss:reconstruction for an autoencoder, sum, mean, max, norm, loss:NAME",
        )
    total = require_classes(target, output)
    if target.kind == "auto":
        return [replace(resolved, kind="rank")]
    if target.ranks[-1] >= total:
        raise UsageError(
            f"{target.text}: output {output.name!r} has no class of that rank, only {total}"
        )
    return [
        replace(resolved, kind="rank", rank=part.ranks[0], text=part.text)
        for part in target.split_ranks()
    ]


def _find_output(target: Target, signature: Signature) -> OutputSpec:
    """Return the output that the target names, or the only output; UsageError otherwise."""
    if target.head is not None:
        return signature.get_output(target.head)
    if len(signature.outputs) == 1:
        return signature.outputs[0]
    names = ", ".join(f"{output.name}/{target.text}" for output in signature.outputs)
    raise UsageError(
        f"target {target.text!r} must name an output: the model has {len(signature.outputs)}",
        hint=f"write one of: {names}",
    )


def _resolve_space(space: str, output: OutputSpec, text: str) -> Space:
    """Return the space to use; UsageError if the output does not have it."""
    has_logits = output.logits_verified and output.activation is not None
    if space == "auto":
        # Where a softmax or sigmoid is saturated, the gradient of its output vanishes, and that of
        # the logit does not.
        return "logit" if has_logits else "output"
    if space == "logit" and not has_logits:
        raise UsageError(
            f"--space logit: no softmax or sigmoid was found at output {output.name!r}",
            reason=output.note,
            hint="use --space output",
        )
    if space == "probability" and output.activation not in ("softmax", "sigmoid"):
        raise UsageError(
            f"--space probability: no softmax or sigmoid was found at output {output.name!r}",
            reason=output.note,
            hint="use --space output",
        )
    return cast(Space, space)  # the parser accepts no other word


def _build_margin(
    resolved: ResolvedTarget, output: OutputSpec, classes: Sequence[int]
) -> ResolvedTarget:
    """Return the target for the first class minus the second."""
    first, second = (select_class(resolved, output, class_index) for class_index in classes)
    return replace(
        resolved,
        terms=first.terms + second.terms,
        signs=(first.signs[0], -second.signs[0]),
        offset=first.offset - second.offset,
    )


def _resolve_unit(target: Target, output: OutputSpec) -> tuple[int, ...]:
    """Return the index tuple of a unit, with negative indices counted from the end."""
    index = target.index
    shape = output.shape or ()
    fits = len(index) == len(shape) and all(
        d is None or -d <= i < d for i, d in zip(index, shape, strict=True)
    )
    if not fits:
        raise UsageError(
            f"target {target.text!r} is outside output {output.name!r} of shape {output.shape}",
            hint=f"it takes whole numbers within it, {len(shape)} of them",
        )
    return tuple(i if i >= 0 or d is None else i + d for i, d in zip(index, shape, strict=True))
