"""Holds a target as it is written, whether or not the model has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from inputgrad_cli.errors import UsageError
from inputgrad_cli.option_choices import LAYER

TargetKind = Literal[
    "auto", "top", "class", "unit", "all", "margin", "reduce", "loss", "mask", "file"
]

RECONSTRUCTION = "reconstruction"


@dataclass(frozen=True)
class ClassReference:
    """A class as written: its index, or the names that the text can mean, likeliest first."""

    text: str
    index: int | None = None
    names: tuple[str, ...] = ()

    def find(self, labels: Sequence[str]) -> int | None:
        """Return the index of the class among the class names, None if no class has this name.

        Raises UsageError if several classes have it.
        """
        if self.index is not None:
            return self.index
        name = next((name for name in self.names if name in labels), None)
        if name is None:
            return None
        indices = [index for index, label in enumerate(labels) if label == name]
        if len(indices) > 1:
            raise UsageError(
                f"{len(indices)} classes are called {name!r}",
                hint=f"write the number: {', '.join(f'class:{n}' for n in indices[:5])}",
            )
        return indices[0]

    def to_identity(self, labels: Sequence[str]) -> int | str:
        """Return the index of the class if it is known, else its name."""
        try:
            index = self.find(labels)
        except UsageError:
            index = None
        return self.names[0] if index is None else index


@dataclass(frozen=True)
class Target:
    """A target as parsed from its text.

    `head` is the output's name, or `layer:NAME`; `classes` are those of `class`, `margin` and
    `mask`, `ranks` those of `top` (0 is the top class), `index` that of `unit`; `name` is that of
    a reduction or a loss, `path` that of a mask or a table of targets. `readings` are other
    meanings of the text, for models with an output of that name.
    """

    text: str
    kind: TargetKind
    head: str | None = None
    classes: tuple[ClassReference, ...] = ()
    ranks: tuple[int, ...] = ()
    index: tuple[int, ...] = ()
    name: str = ""
    path: str = ""
    # Not compared: two texts mean the same map although one of them could mean more.
    readings: tuple[Target, ...] = field(default=(), compare=False, repr=False)

    @property
    def layer(self) -> str | None:
        """Return `layer:NAME` if the target is about the output of a layer, else None."""
        return self.head if self.head is not None and self.head.startswith(LAYER) else None

    @property
    def rank_word(self) -> str | None:
        """Return what the maps of `top:K` have in common, `top` or `HEAD/top`; None for others."""
        return self.text.rstrip("0123456789:") if self.kind == "top" else None

    @property
    def is_jacobian(self) -> bool:
        """Return whether the target is every class."""
        return self.kind == "all"

    @property
    def is_single_map(self) -> bool:
        """Return whether the target is one scalar per sample, and not read from a file."""
        return self.kind not in ("all", "file") and len(self.ranks) <= 1

    @property
    def needs_truth(self) -> bool:
        """Return whether the target needs true values."""
        return self.kind == "loss" and self.name != RECONSTRUCTION

    @property
    def canonical(self) -> Target:
        """Return the target without its spelling; equal for texts that request the same map."""
        classes = tuple(ClassReference("", word.index, word.names[:1]) for word in self.classes)
        return replace(self, text="", classes=classes)

    def split_ranks(self) -> tuple[Target, ...]:
        """Return one target per map: K for `top:K`, else only this one."""
        if self.kind != "top":
            return (self,)
        prefix = f"{self.head}/" if self.head else ""
        return tuple(replace(self, text=f"{prefix}top{r + 1}", ranks=(r,)) for r in self.ranks)

    def choose_reading(self, outputs: Sequence[str]) -> Target:
        """Return the reading that fits a model with these outputs.

        If none of them is named, returns the first reading that names no output; without known
        outputs, that is this target if there is none. Raises UsageError if no reading fits.
        """
        readings = (self, *self.readings)
        if named := [target for target in readings if target.head in outputs]:
            # Names of outputs may contain slashes, so the longest name that fits is meant.
            return max(named, key=lambda target: len(target.head or ""))
        without_output = [target for target in readings if target.head is None or target.layer]
        if without_output or not outputs:
            return without_output[0] if without_output else self
        raise UsageError(
            f"target {self.text!r}: the model has no output {self.head!r}",
            hint=f"its outputs are: {', '.join(outputs)}",
        )
