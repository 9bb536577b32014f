"""Resolves targets that are the mean of an output over the true pixels of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.data.signature import OutputSpec, Signature, has_pixel_classes
from inputgrad_cli.data.targets.find_class import find_class_by_name
from inputgrad_cli.data.targets.notation_hints import format_unit
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.array_helpers import Array, fill_open_axes


def refuse_mask_misfit(target: Target, output: OutputSpec) -> None:
    """Raise UsageError if the output has no pixels, or if the target should name their class."""
    shape = output.shape or ()
    if len(shape) not in (2, 3) or has_pixel_classes(shape) != bool(target.classes):
        raise UsageError(
            f"target {target.text!r} does not fit output {output.name!r} of shape {output.shape}",
            **_explain_mask_misfit(output, target.path),
        )


def _explain_mask_misfit(output: OutputSpec, path: str) -> dict[str, str]:
    """Return the reason why a mask does not fit an output, and the advice for the error."""
    shape = output.shape or ()
    if len(shape) not in (2, 3):
        needs = "a mask needs an output of (H, W), (H, W, 1), or (H, W, classes)"
        return {"reason": needs, "hint": f"name one unit, {format_unit(shape)}, or sum or mean"}
    if has_pixel_classes(shape):
        classes = "several" if shape[-1] is None else str(shape[-1])
        return {
            "reason": f"each of its pixels has {classes} classes",
            "hint": f"say which one: mask:{path},class=K",
        }
    return {"reason": "each of its pixels has one value", "hint": f"write mask:{path} alone"}


def choose_mask_class(
    resolved: ResolvedTarget, target: Target, output: OutputSpec, labels: Sequence[str]
) -> ResolvedTarget:
    """Return the mean over the true pixels of a mask, of one class if there are several."""
    if not target.classes:
        return resolved
    shape = output.shape or ()
    # The names are those of the output whose pixels have as many classes.
    names = labels if len(labels) == shape[-1] else ()
    class_index = find_class_by_name(target.classes[0], names, target)
    if shape[-1] is not None and class_index >= shape[-1]:
        hint = f"classes are 0 to {shape[-1] - 1}"
        raise UsageError(
            f"target {target.text!r}: output {output.name!r} has no class {class_index}", hint=hint
        )
    return replace(resolved, rank=class_index)


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
