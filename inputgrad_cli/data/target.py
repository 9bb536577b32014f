"""The scalar per sample that is differentiated: chosen on a model, then pinned.

`Choice` is a target that the model has. `PinnedTarget` is the choice with its classes fixed on the
clean input; methods see nothing else, so no method can pick another class at another probe.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.arrays import Array

Space = Literal["logit", "probability", "output"]


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
