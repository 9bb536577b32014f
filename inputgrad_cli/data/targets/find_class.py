"""Finds the class of an output that a target names, by its index or its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.data.signature import OutputSpec
from inputgrad_cli.data.target_parser import format_class
from inputgrad_cli.data.targets.notation_hints import describe_parts
from inputgrad_cli.data.unresolved_target import ClassReference, Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.spelling_suggestions import format_advice, suggest

MAX_LABELS = 12  # class names that a hint lists


def require_classes(target: Target, output: OutputSpec) -> int:
    """Return the number of classes; UsageError if the output has more than a class axis."""
    if output.class_count is not None:
        return 2 if output.is_binary else output.class_count
    raise UsageError(
        f"target {target.text!r}: output {output.name!r} of shape {output.shape} has further axes",
        hint=f"use {describe_parts(output.shape)}",
    )


def find_class(
    reference: ClassReference, output: OutputSpec, labels: Sequence[str], target: Target
) -> int:
    """Return the index of a class; UsageError if the output does not have it."""
    total = require_classes(target, output)
    # A bare number, without `class:` before it.
    is_number = target.kind == "class" and target.text.rpartition("/")[2] == reference.text
    if output.is_binary and is_number:
        raise UsageError(
            f"target {target.text!r} is unclear: output {output.name!r} is one sigmoid unit",
            hint="write class:1 or unit:0 for the unit, class:0 for its negative, or auto",
        )
    # The names are those of the output that has as many classes.
    class_index = find_class_by_name(reference, labels if len(labels) == total else (), target)
    if class_index >= total:
        hint = f"classes are 0 to {total - 1}"
        raise UsageError(
            f"target {target.text!r}: output {output.name!r} has no class {class_index}", hint=hint
        )
    return class_index


def find_class_by_name(reference: ClassReference, labels: Sequence[str], target: Target) -> int:
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
