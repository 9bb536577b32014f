"""Resolves a target as written to units, reductions or losses of a model's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from inputgrad_cli.data.signature import OutputSpec, Shape, Signature
from inputgrad_cli.data.target import ResolvedTarget, Space
from inputgrad_cli.data.target_text import format_class
from inputgrad_cli.data.written_target import ClassReference, Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.arrays import Array, fill_open_axes
from inputgrad_cli.suggest import format_advice, suggest

MAX_LABELS = 12  # class names that a hint lists


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
        return [_resolve_mask(target, output, space, labels)]
    resolved = ResolvedTarget(
        target.text, output.name, "units", _resolve_space(space, output, target.text)
    )
    if target.kind == "reduce":
        return [replace(resolved, kind="reduce", argument=target.name)]
    if target.kind == "unit":
        return [replace(resolved, terms=(_resolve_unit(target, output),))]
    if target.kind == "margin":
        return [
            _build_margin(
                resolved, output, [_find_class(w, output, labels, target) for w in target.classes]
            )
        ]
    if target.kind == "all":
        total = _count_classes(target, output)
        return [replace(select_class(resolved, output, n), group=target.text) for n in range(total)]
    if target.kind == "class":
        return [
            select_class(resolved, output, _find_class(target.classes[0], output, labels, target))
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
            hint=f"name one: {_describe_parts(output.shape)}, "
            "loss:reconstruction for an autoencoder, sum, mean, max, norm, loss:NAME",
        )
    total = _count_classes(target, output)
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


def _format_unit(shape: Shape | None) -> str:
    """Return the notation of one unit of an output, such as `unit:I,J`."""
    return "unit:" + (",".join("IJKLMN"[: len(shape or ())]) or "I")


def _describe_parts(shape: Shape | None) -> str:
    """Return the notation of a unit, or of the masked pixels, of an output with more axes."""
    if len(shape or ()) not in (2, 3):
        return f"{_format_unit(shape)} for one unit"
    mask = "mask:PATH,class=K" if _has_classes(shape) else "mask:PATH"
    return f"{_format_unit(shape)} for one unit, {mask} for a segmentation"


def _has_classes(shape: Shape | None) -> bool:
    """Return whether the pixels of an output (H, W, ...) have several values each."""
    return shape is not None and len(shape) == 3 and shape[-1] != 1


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


def _count_classes(target: Target, output: OutputSpec) -> int:
    """Return the number of classes; UsageError if the output has more than a class axis."""
    if output.class_count is not None:
        return 2 if output.is_binary else output.class_count
    raise UsageError(
        f"target {target.text!r}: output {output.name!r} of shape {output.shape} has further axes",
        hint=f"use {_describe_parts(output.shape)}",
    )


def _find_class(
    reference: ClassReference, output: OutputSpec, labels: Sequence[str], target: Target
) -> int:
    """Return the index of a class; UsageError if the output does not have it."""
    total = _count_classes(target, output)
    # A bare number, without `class:` before it.
    is_number = target.kind == "class" and target.text.rpartition("/")[2] == reference.text
    if output.is_binary and is_number:
        raise UsageError(
            f"target {target.text!r} is unclear: output {output.name!r} is one sigmoid unit",
            hint="write class:1 or unit:0 for the unit, class:0 for its negative, or auto",
        )
    # The names are those of the output that has as many classes.
    class_index = _find_by_name(reference, labels if len(labels) == total else (), target)
    if class_index >= total:
        hint = f"classes are 0 to {total - 1}"
        raise UsageError(
            f"target {target.text!r}: output {output.name!r} has no class {class_index}", hint=hint
        )
    return class_index


def _find_by_name(reference: ClassReference, labels: Sequence[str], target: Target) -> int:
    """Return the index of a class by its name; UsageError if there is none."""
    try:
        class_index = reference.find(labels)
    except UsageError as error:
        raise UsageError(f"target {target.text!r}: {error.message}", hint=error.hint) from None
    if class_index is not None:
        return class_index
    name = reference.names[0]
    # What is suggested is the complete word, which can be typed as it stands.
    prefix = {"class": "class:", "mask": "class="}.get(target.kind, "")
    near = [prefix + format_class(label) for label in suggest(name, labels)]
    listing = f"the classes are: {_format_labels(labels)}"
    hint = format_advice(near, listing) if labels else "give their names with --labels FILE"
    raise UsageError(f"target {target.text!r}: no class is called {name!r}", hint=hint)


def _format_labels(labels: Sequence[str]) -> str:
    shown = ", ".join(labels[:MAX_LABELS])
    return shown if len(labels) <= MAX_LABELS else f"{shown}, ... ({len(labels)} in all)"


def select_class(resolved: ResolvedTarget, output: OutputSpec, class_index: int) -> ResolvedTarget:
    """Return the target for one class of the output."""
    if not output.is_binary:
        return replace(resolved, terms=(output.get_class_index(class_index),))
    unit = ((0,) * len(output.shape or ()),)
    if class_index == 1:
        return replace(resolved, terms=unit)
    # The other class of a single sigmoid is 1 - p as a probability, and the negated logit.
    return replace(
        resolved, terms=unit, signs=(-1.0,), offset=0.0 if resolved.space == "logit" else 1.0
    )


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


def _resolve_mask(
    target: Target, output: OutputSpec, space: str, labels: Sequence[str]
) -> ResolvedTarget:
    """Return the mean over the true pixels of a mask, of one class if there are several."""
    shape = output.shape or ()
    if len(shape) not in (2, 3) or _has_classes(shape) != bool(target.classes):
        raise UsageError(
            f"target {target.text!r} does not fit output {output.name!r} of shape {output.shape}",
            **_explain_mask_misfit(output, target.path),
        )
    resolved_space = _resolve_space(space, output, target.text)
    resolved = ResolvedTarget(
        target.text, output.name, "mask", resolved_space, argument=target.path
    )
    if not target.classes:
        return resolved
    class_index = _find_by_name(target.classes[0], labels, target)
    if shape[-1] is not None and class_index >= shape[-1]:
        hint = f"classes are 0 to {shape[-1] - 1}"
        raise UsageError(
            f"target {target.text!r}: output {output.name!r} has no class {class_index}", hint=hint
        )
    return replace(resolved, rank=class_index)


def _explain_mask_misfit(output: OutputSpec, path: str) -> dict[str, str]:
    """Return the reason why a mask does not fit an output, and the advice for the error."""
    shape = output.shape or ()
    if len(shape) not in (2, 3):
        needs = "a mask needs an output of (H, W), (H, W, 1), or (H, W, classes)"
        return {"reason": needs, "hint": f"name one unit, {_format_unit(shape)}, or sum or mean"}
    if _has_classes(shape):
        classes = "several" if shape[-1] is None else str(shape[-1])
        return {
            "reason": f"each of its pixels has {classes} classes",
            "hint": f"say which one: mask:{path},class=K",
        }
    return {"reason": "each of its pixels has one value", "hint": f"write mask:{path} alone"}


def compute_mask_weights(target: ResolvedTarget, mask: Array, shape: tuple[int, ...]) -> Array:
    """Return weights for an output (H, W, ...) whose weighted sum is the mean over the mask."""
    if mask.shape != shape[:2]:
        raise UsageError(
            f"target {target.text!r}: the mask is {mask.shape}, output {target.head!r} is {shape}",
            hint="give a mask of the size of the output",
        )
    if not mask.any():
        raise UsageError(f"target {target.text!r}: the mask is empty")
    weights = np.zeros((*mask.shape, shape[2] if len(shape) == 3 else 1), np.float32)
    weights[..., target.rank] = mask / np.count_nonzero(mask)
    return weights.reshape(shape)


def build_mask_truth(
    target: ResolvedTarget, mask: Array, signature: Signature, count: int
) -> Array:
    """Return the weights of a mask for each of `count` samples of the target's output, (B, ...)."""
    shape = fill_open_axes(signature.get_output(target.head).shape or (), mask.shape)
    weights = compute_mask_weights(target, mask, shape)
    return np.broadcast_to(weights, (count, *shape))


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
