"""The scalar per sample that is differentiated: written, then chosen, then pinned.

`Target` is the text understood. `Choice` is a target that the model has. `PinnedTarget` is the
choice with its classes fixed on the clean input; methods see nothing else, so no method can pick
another class at another probe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import UsageError
from inputgrad_cli.signature import Head, Signature

Kind = Literal["auto", "top", "class", "unit", "all", "margin", "reduce", "loss", "mask"]
Space = Literal["logit", "probability", "output"]

REDUCTIONS = ("sum", "mean", "max", "norm")
HELP = (
    "auto, top1, top:K, 3, class:NAME, unit:I,J, all, margin:A,B, sum, mean, max, norm, "
    "mask:PATH, loss:NAME, file:PATH, layer:NAME/unit:I"
)


@dataclass(frozen=True)
class Target:
    """A target as asked: `head` is the text before the first `/`, if that is an output's name."""

    asked: str
    head: str | None
    kind: Kind
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A target that the model has, in a space, before the clean input pins it.

    `terms` are the index tuples of the units and `signs` their factors (one of each, two for a
    margin); `rank` stands for "the class of that rank on the clean input" (0 is the top).
    """

    asked: str
    head: str
    kind: Literal["units", "rank", "reduce", "loss", "mask"]
    space: Space
    terms: tuple[tuple[int, ...], ...] = ()
    signs: tuple[float, ...] = (1.0,)
    offset: float = 0.0
    rank: int = 0
    how: str = ""
    group: str = ""

    def program(self, pinned: bool) -> Choice:
        """Return what decides the computation: units are data, so all of them share one trace."""
        made = Choice("", self.head, self.kind, self.space, rank=self.rank, how=self.how)
        if self.kind == "mask":
            return replace(made, rank=0, how="")
        return replace(made, kind="units", rank=0) if pinned and self.kind == "rank" else made


@dataclass(frozen=True)
class PinnedTarget:
    """A choice with one entry per sample.

    The scalar is `offset + sum over terms of signs * output[index]`, with `index` (B, terms, axes),
    `signs` (B, terms), `offset` (B,). A reduction or a loss has no terms; a loss has `truth`.
    """

    choice: Choice
    index: NDArray[np.int32]
    signs: NDArray[np.float32]
    offset: NDArray[np.float32]
    truth: Array | None = None

    def take(self, rows: Any) -> PinnedTarget:
        """Return the entries of the chosen samples; a row may be chosen more than once."""
        return replace(
            self,
            index=self.index[rows],
            signs=self.signs[rows],
            offset=self.offset[rows],
            truth=None if self.truth is None else self.truth[rows],
        )

    def unit(self, row: int) -> list[int] | list[list[int]] | None:
        """Return the index of a sample as written to records: a pair for a margin, else one."""
        if self.index.shape[1] == 0:
            return None
        tuples = [[int(i) for i in term] for term in self.index[row]]
        return tuples[0] if len(tuples) == 1 else tuples


def parse(text: str, heads: Sequence[str] = ()) -> Target:
    """Return the target that `text` writes; `heads` are the names of the model's outputs."""
    if text.startswith("layer:") and "/" in text:
        before, _, after = text.rpartition("/")
        return replace(parse(after), asked=text, head=before)
    before, slash, after = text.partition("/")
    if slash and before in heads:
        return replace(parse(after), asked=text, head=before)
    word, _, rest = text.partition(":")
    if word in ("auto", "all", *REDUCTIONS) and text == word:
        kind: Kind = "reduce" if word in REDUCTIONS else word  # type: ignore[assignment]
        return Target(text, None, kind, (word,))
    if match := re.fullmatch(r"top:?(\d+)", text):
        number = int(match[1])
        if number < 1 or (":" not in text and number != 1):
            raise UsageError(
                f"target {text!r} is not known", mend="write top1 or top:K with K >= 1"
            )
        return Target(text, None, "top", (match[1],))
    if re.fullmatch(r"\d+", text):
        return Target(text, None, "class", (text,))
    return _with_argument(text, word, rest)


def _with_argument(text: str, word: str, rest: str) -> Target:
    kinds: dict[str, Kind] = {kind: kind for kind in ("class", "unit", "margin", "loss", "mask")}
    if word not in kinds or not rest:
        before, slash, _ = text.partition("/")
        raise UsageError(
            f"target {text!r} is not known",
            reason=f"the model has no output {before!r}" if slash else "",
            mend=f"targets are {HELP}, each with HEAD/ before it where there are several outputs",
        )
    words = (
        tuple(part.strip() for part in rest.split(",")) if word in ("unit", "margin") else (rest,)
    )
    if word == "unit" and not all(re.fullmatch(r"-?\d+", w) for w in words):
        raise UsageError(
            f"target {text!r}: unit takes whole numbers", mend="as in unit:3 or unit:0,5"
        )
    if word == "margin" and (len(words) != 2 or not all(words)):
        raise UsageError(f"target {text!r}: margin takes two classes", mend="as in margin:1,2")
    return Target(text, None, kinds[word], words)


def layers_in(targets: Sequence[str]) -> list[str]:
    """Return the layers that targets name as outputs, `layer:NAME/...`."""
    return [t.rpartition("/")[0] for t in targets if t.startswith("layer:") and "/" in t]


def masks_in(targets: Sequence[str]) -> list[str]:
    """Return the paths of the masks that targets name."""
    found = [re.search(r"(?:^|/)mask:(.+)$", text) for text in targets]
    return [match[1].partition(",class=")[0] for match in found if match]


def choose(target: Target, signature: Signature, space: str, labels: Sequence[str]) -> list[Choice]:
    """Return the maps that `target` makes: one, or K for `top:K`, or one a class for `all`.

    Raises UsageError where the model lacks what is asked.
    """
    head = _head(target, signature)
    if target.kind == "loss":
        return [Choice(target.asked, head.name, "loss", "output", how=target.words[0])]
    if target.kind == "mask":
        return [_mask(target, head, space, labels)]
    made = Choice(target.asked, head.name, "units", _space(space, head, target.asked))
    if target.kind == "reduce":
        return [replace(made, kind="reduce", how=target.words[0])]
    if target.kind == "unit":
        return [replace(made, terms=(_unit(target, head),))]
    if target.kind == "margin":
        return [_margin(made, head, [_number(w, head, labels, target) for w in target.words])]
    if target.kind == "all":
        total = _count(target, head)
        return [replace(_class(made, head, n), group=target.asked) for n in range(total)]
    if target.kind == "class":
        return [_class(made, head, _number(target.words[0], head, labels, target))]
    return _top(target, made, head)


def _top(target: Target, made: Choice, head: Head) -> list[Choice]:
    if target.kind == "auto" and head.units == 1:
        return [replace(made, terms=((0,) * len(head.shape or ()),))]
    if target.kind == "auto" and head.classes is None:
        raise UsageError(
            f"target auto does not fit output {head.name!r} of shape {head.shape}",
            mend="name one: unit:I,J,... or sum, mean, max, norm, loss:NAME",
        )
    total = _count(target, head)
    if target.kind == "auto":
        return [replace(made, kind="rank")]
    wanted = int(target.words[0])
    if wanted > total:
        raise UsageError(
            f"{target.asked}: output {head.name!r} has no class of that rank, only {total}"
        )
    names = [f"top{rank + 1}" for rank in range(wanted)]
    prefix = f"{target.head}/" if target.head else ""
    return [replace(made, kind="rank", rank=r, asked=prefix + n) for r, n in enumerate(names)]


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
    return space  # type: ignore[return-value]


def _count(target: Target, head: Head) -> int:
    """Return the number of classes; exit where other axes make that word unclear."""
    if head.classes is not None:
        return 2 if head.is_binary else head.classes
    raise UsageError(
        f"target {target.asked!r}: output {head.name!r} of shape {head.shape} has further axes",
        mend="use unit:I,J,... for one unit",
    )


def _number(word: str, head: Head, labels: Sequence[str], target: Target) -> int:
    total = _count(target, head)
    bare = target.kind == "class" and target.asked.rpartition("/")[2] == word
    if head.is_binary and bare:
        raise UsageError(
            f"target {target.asked!r} is unclear: output {head.name!r} is one sigmoid unit",
            mend="write class:1 or unit:0 for the unit, class:0 for its negative, or auto",
        )
    if word in labels:
        return labels.index(word)
    if not re.fullmatch(r"\d+", word):
        mend = (
            f"the labels are: {_some(labels)}" if labels else "give their names with --labels FILE"
        )
        raise UsageError(f"target {target.asked!r}: no class is called {word!r}", mend=mend)
    if int(word) >= total:
        mend = f"classes are 0 to {total - 1}"
        raise UsageError(
            f"target {target.asked!r}: output {head.name!r} has no class {word}", mend=mend
        )
    return int(word)


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
    path, _, word = target.words[0].partition(",class=")
    shape = head.shape or ()
    several = len(shape) == 3 and shape[-1] != 1
    if len(shape) not in (2, 3) or several != bool(word):
        raise UsageError(
            f"target {target.asked!r} does not fit output {head.name!r} of shape {head.shape}",
            reason="a mask needs an output of (H, W), (H, W, 1), or (H, W, classes)",
            mend="with several classes write mask:PATH,class=K, else mask:PATH",
        )
    made = Choice(target.asked, head.name, "mask", _space(space, head, target.asked), how=path)
    if not word:
        return made
    number = labels.index(word) if word in labels else int(word) if word.isdigit() else -1
    if not 0 <= number < (shape[-1] or number + 1):
        raise UsageError(f"target {target.asked!r}: output {head.name!r} has no class {word}")
    return replace(made, rank=number)


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
    index = tuple(int(word) for word in target.words)
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


def pin(choice: Choice, rows: int, truth: Array | None = None) -> PinnedTarget:
    """Return the choice for `rows` samples; a `rank` choice is pinned by the engine instead."""
    axes = len(choice.terms[0]) if choice.terms else 0
    term_index = np.array(choice.terms, np.int32).reshape(len(choice.terms), axes)
    signs = np.array(choice.signs[: len(choice.terms)], np.float32)
    return PinnedTarget(
        choice,
        np.broadcast_to(term_index, (rows, *term_index.shape)),
        np.broadcast_to(signs, (rows, *signs.shape)),
        np.full(rows, choice.offset, np.float32),
        truth,
    )
