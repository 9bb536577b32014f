"""The scalar per sample that is differentiated: written, then chosen, then pinned.

`Target` is the text understood. `Choice` is a target that the model has. `PinnedTarget` is the
choice with its classes fixed on the clean input; methods see nothing else, so no method can pick
another class at another probe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import UsageError
from inputgrad_cli.words import LAYER

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
    if text.startswith(LAYER) and "/" in text:
        before, _, after = text.rpartition("/")
        return replace(parse(after), asked=text, head=before)
    before, slash, after = text.partition("/")
    if slash and before in heads:
        return replace(parse(after), asked=text, head=before)
    word, _, rest = text.partition(":")
    if word in ("auto", "all", *REDUCTIONS) and text == word:
        kind = cast(Kind, "reduce" if word in REDUCTIONS else word)
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
    return [t.rpartition("/")[0] for t in targets if t.startswith(LAYER) and "/" in t]


def masks_in(targets: Sequence[str]) -> list[str]:
    """Return the paths of the masks that targets name."""
    found = [re.search(r"(?:^|/)mask:(.+)$", text) for text in targets]
    return [match[1].partition(",class=")[0] for match in found if match]


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
