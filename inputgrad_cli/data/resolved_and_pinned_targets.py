"""Defines the scalar per sample that is differentiated.

A `ResolvedTarget` is a target that the model has. A `PinnedTarget` has its classes fixed on the
clean input; methods see only this, so no method can follow another class at a perturbed input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.numeric.array_helpers import Array

Space = Literal["logit", "probability", "output"]


@dataclass(frozen=True)
class ResolvedTarget:
    """A target that the model has, in a space, before its classes are fixed on the clean input.

    `terms` are the index tuples of the units and `signs` their factors (one of each, two for a
    margin). `rank` means the class of that rank on the clean input (0 is the top); for a mask it
    is the class. `rival` is a class, in `terms`, minus the best of all others. `argument` is the
    name of a reduction or loss, the path of a mask, or how rivals are combined: `max` or
    `logsumexp`.
    """

    text: str
    head: str
    kind: Literal["units", "rank", "reduce", "loss", "mask", "rival"]
    space: Space
    terms: tuple[tuple[int, ...], ...] = ()
    signs: tuple[float, ...] = (1.0,)
    offset: float = 0.0
    rank: int = 0
    argument: str = ""
    group: str = ""

    def to_trace_key(self, pinned: bool) -> ResolvedTarget:
        """Return the part of the target that decides which graph is traced.

        Units are data of the graph, so targets that differ only in their units share one trace.
        """
        key = ResolvedTarget(
            "", self.head, self.kind, self.space, rank=self.rank, argument=self.argument
        )
        # A mask and its class reach the graph as an array of weights, so they are data as well.
        if self.kind == "mask":
            return replace(key, rank=0, argument="")
        # A pinned rank is the index of a class, and so it is data too.
        return replace(key, kind="units", rank=0) if pinned and self.kind == "rank" else key


@dataclass(frozen=True)
class PinnedTarget:
    """A resolved target with one entry per sample.

    The scalar is `offset + sum over terms of signs * output[index]`, with `index` (B, terms, axes),
    `signs` (B, terms), `offset` (B,). A reduction or a loss has no terms; a loss has `truth`. From
    the class of a rival target, the best of the other classes is subtracted.
    """

    resolved: ResolvedTarget
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

    def get_unit_index(self, row: int) -> list[int] | list[list[int]] | None:
        """Return the index of a sample as it is written to records; a margin has two."""
        if self.index.shape[1] == 0:
            return None
        tuples = [[int(i) for i in term] for term in self.index[row]]
        return tuples[0] if len(tuples) == 1 else tuples


def pin(target: ResolvedTarget, rows: int, truth: Array | None = None) -> PinnedTarget:
    """Return the target for `rows` samples; the engine pins a target of kind `rank` instead."""
    axes = len(target.terms[0]) if target.terms else 0
    term_index = np.array(target.terms, np.int32).reshape(len(target.terms), axes)
    signs = np.array(target.signs[: len(target.terms)], np.float32)
    return PinnedTarget(
        target,
        np.broadcast_to(term_index, (rows, *term_index.shape)),
        np.broadcast_to(signs, (rows, *signs.shape)),
        np.full(rows, target.offset, np.float32),
        truth,
    )
