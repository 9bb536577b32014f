"""From a target as written to the choices that a model has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from inputgrad_cli.data.signature import Head, Shape, Signature
from inputgrad_cli.data.target import Choice, Space
from inputgrad_cli.data.target_text import ClassWord, Target, class_word
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.suggest import advice, suggest


def choose(target: Target, signature: Signature, space: str, labels: Sequence[str]) -> list[Choice]:
    """Return the maps that `target` makes: one, or K for `top:K`, or one a class for `all`.

    Raises UsageError where the model lacks what is asked.
    """
    target = target.among([head.name for head in signature.outputs])
    head = _head(target, signature)
    if target.kind == "loss":
        return [Choice(target.asked, head.name, "loss", "output", how=target.name)]
    if target.kind == "mask":
        return [_mask(target, head, space, labels)]
    made = Choice(target.asked, head.name, "units", _space(space, head, target.asked))
    if target.kind == "reduce":
        return [replace(made, kind="reduce", how=target.name)]
    if target.kind == "unit":
        return [replace(made, terms=(_unit(target, head),))]
    if target.kind == "margin":
        return [_margin(made, head, [_number(w, head, labels, target) for w in target.classes])]
    if target.kind == "all":
        total = _count(target, head)
        return [replace(_class(made, head, n), group=target.asked) for n in range(total)]
    if target.kind == "class":
        return [_class(made, head, _number(target.classes[0], head, labels, target))]
    return _top(target, made, head)


def _top(target: Target, made: Choice, head: Head) -> list[Choice]:
    if target.kind == "auto" and head.units == 1:
        return [replace(made, terms=((0,) * len(head.shape or ()),))]
    if target.kind == "auto" and head.classes is None:
        raise UsageError(
            f"target auto does not fit output {head.name!r} of shape {head.shape}",
            mend=f"name one: {_parts_of(head.shape)}, "
            "loss:reconstruction for an autoencoder, sum, mean, max, norm, loss:NAME",
        )
    total = _count(target, head)
    if target.kind == "auto":
        return [replace(made, kind="rank")]
    if target.ranks[-1] >= total:
        raise UsageError(
            f"{target.asked}: output {head.name!r} has no class of that rank, only {total}"
        )
    return [replace(made, kind="rank", rank=one.ranks[0], asked=one.asked) for one in target.maps()]


def _unit_word(shape: Shape | None) -> str:
    """Return how one unit of an output is written."""
    return "unit:" + (",".join("IJKLMN"[: len(shape or ())]) or "I")


def _parts_of(shape: Shape | None) -> str:
    """Return how a part of an output with further axes is asked for: a unit, pixels."""
    if len(shape or ()) not in (2, 3):
        return f"{_unit_word(shape)} for one unit"
    mask = "mask:PATH,class=K" if _has_classes(shape) else "mask:PATH"
    return f"{_unit_word(shape)} for one unit, {mask} for a segmentation"


def _has_classes(shape: Shape | None) -> bool:
    """Return whether the pixels of an output (H, W, ...) have several values each."""
    return shape is not None and len(shape) == 3 and shape[-1] != 1


def _head(target: Target, signature: Signature) -> Head:
    if target.head is not None:
        return signature.head(target.head)
    if len(signature.outputs) == 1:
        return signature.outputs[0]
    names = ", ".join(f"{head.name}/{target.asked}" for head in signature.outputs)
    raise UsageError(
        f"target {target.asked!r} must name an output: the model has {len(signature.outputs)}",
        mend=f"write one of: {names}",
    )


def _space(space: str, head: Head, asked: str) -> Space:
    usable = head.proved and head.activation is not None
    if space == "auto":
        return "logit" if usable else "output"
    if space == "logit" and not usable:
        raise UsageError(
            f"--space logit: output {head.name!r} has no softmax or sigmoid that was found",
            reason=head.note,
            mend="use --space output",
        )
    if space == "probability" and head.activation not in ("softmax", "sigmoid"):
        raise UsageError(
            f"--space probability: output {head.name!r} is not a softmax or sigmoid that was found",
            reason=head.note,
            mend="use --space output",
        )
    return cast(Space, space)  # the parser has seen that it is one


def _count(target: Target, head: Head) -> int:
    """Return the number of classes; exit where other axes make that word unclear."""
    if head.classes is not None:
        return 2 if head.is_binary else head.classes
    raise UsageError(
        f"target {target.asked!r}: output {head.name!r} of shape {head.shape} has further axes",
        mend=f"use {_parts_of(head.shape)}",
    )


def _number(word: ClassWord, head: Head, labels: Sequence[str], target: Target) -> int:
    total = _count(target, head)
    bare = target.kind == "class" and target.asked.rpartition("/")[2] == word.text
    if head.is_binary and bare:
        raise UsageError(
            f"target {target.asked!r} is unclear: output {head.name!r} is one sigmoid unit",
            mend="write class:1 or unit:0 for the unit, class:0 for its negative, or auto",
        )
    number = _find(word, labels if len(labels) == total else (), target)
    if number >= total:
        mend = f"classes are 0 to {total - 1}"
        raise UsageError(
            f"target {target.asked!r}: output {head.name!r} has no class {number}", mend=mend
        )
    return number


def _find(word: ClassWord, labels: Sequence[str], target: Target) -> int:
    """Return the number of a class by its name."""
    try:
        number = word.find(labels)
    except UsageError as error:
        raise UsageError(f"target {target.asked!r}: {error.what}", mend=error.mend) from None
    if number is not None:
        return number
    name = word.names[0]
    prefix = {"class": "class:", "mask": "class="}.get(target.kind, "")
    near = [prefix + class_word(label) for label in suggest(name, labels)]
    listing = f"the classes are: {_some(labels)}"
    mend = advice(near, listing) if labels else "give their names with --labels FILE"
    raise UsageError(f"target {target.asked!r}: no class is called {name!r}", mend=mend)


def _some(labels: Sequence[str]) -> str:
    shown = ", ".join(labels[:12])
    return shown if len(labels) <= 12 else f"{shown}, ... ({len(labels)} in all)"


def _class(made: Choice, head: Head, number: int) -> Choice:
    if not head.is_binary:
        return replace(made, terms=(head.class_index(number),))
    unit = ((0,) * len(head.shape or ()),)
    if number == 1:
        return replace(made, terms=unit)
    # The other class of one sigmoid: 1 - p as a probability, the negative as a logit.
    return replace(made, terms=unit, signs=(-1.0,), offset=0.0 if made.space == "logit" else 1.0)


def _margin(made: Choice, head: Head, numbers: Sequence[int]) -> Choice:
    first, second = (_class(made, head, n) for n in numbers)
    return replace(
        made,
        terms=first.terms + second.terms,
        signs=(first.signs[0], -second.signs[0]),
        offset=first.offset - second.offset,
    )


def _mask(target: Target, head: Head, space: str, labels: Sequence[str]) -> Choice:
    """Return the mean over the true pixels of a mask, of one class where there are several."""
    shape = head.shape or ()
    if len(shape) not in (2, 3) or _has_classes(shape) != bool(target.classes):
        raise UsageError(
            f"target {target.asked!r} does not fit output {head.name!r} of shape {head.shape}",
            **_mask_advice(head, target.path),
        )
    space_ = _space(space, head, target.asked)
    made = Choice(target.asked, head.name, "mask", space_, how=target.path)
    if not target.classes:
        return made
    number = _find(target.classes[0], labels, target)
    if shape[-1] is not None and number >= shape[-1]:
        mend = f"classes are 0 to {shape[-1] - 1}"
        raise UsageError(
            f"target {target.asked!r}: output {head.name!r} has no class {number}", mend=mend
        )
    return replace(made, rank=number)


def _mask_advice(head: Head, path: str) -> dict[str, str]:
    """Return why a mask does not fit an output, and how it is written where one can."""
    shape = head.shape or ()
    if len(shape) not in (2, 3):
        needs = "a mask needs an output of (H, W), (H, W, 1), or (H, W, classes)"
        return {"reason": needs, "mend": f"name one unit, {_unit_word(shape)}, or sum or mean"}
    if _has_classes(shape):
        classes = "several" if shape[-1] is None else str(shape[-1])
        return {
            "reason": f"each of its pixels has {classes} classes",
            "mend": f"say which one: mask:{path},class=K",
        }
    return {"reason": "each of its pixels has one value", "mend": f"write mask:{path} alone"}


def mask_weights(choice: Choice, mask: Array, shape: tuple[int, ...]) -> Array:
    """Return the weight of every number of an output (H, W, ...): their mean over the mask."""
    if mask.shape != shape[:2]:
        raise UsageError(
            f"target {choice.asked!r}: the mask is {mask.shape}, output {choice.head!r} is {shape}",
            mend="give a mask of the size of the output",
        )
    if not mask.any():
        raise UsageError(f"target {choice.asked!r}: the mask is empty")
    weights = np.zeros((*mask.shape, shape[2] if len(shape) == 3 else 1), np.float32)
    weights[..., choice.rank] = mask / np.count_nonzero(mask)
    return weights.reshape(shape)


def _unit(target: Target, head: Head) -> tuple[int, ...]:
    index = target.index
    shape = head.shape or ()
    fits = len(index) == len(shape) and all(
        d is None or -d <= i < d for i, d in zip(index, shape, strict=True)
    )
    if not fits:
        raise UsageError(
            f"target {target.asked!r} is outside output {head.name!r} of shape {head.shape}",
            mend=f"it takes whole numbers within it, {len(shape)} of them",
        )
    return tuple(i if i >= 0 or d is None else i + d for i, d in zip(index, shape, strict=True))
