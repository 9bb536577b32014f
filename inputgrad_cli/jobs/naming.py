"""Names of output files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inputgrad_cli.contracts import Method
from inputgrad_cli.errors import UsageError
from inputgrad_cli.jobs.targetword import target_words
from inputgrad_cli.target_text import Target

LONGEST = 255 - len(".000000.png")  # bytes of a file name, less the longest ending


@dataclass(frozen=True)
class Map:
    """One map that every item gets: its method, the target as asked, the end of its file name."""

    label: str
    method: str
    target: Target
    tail: str
    parameters: str = ""

    def stem(self, name: str) -> str:
        """Return the path of the map's files below the output directory, without their endings.

        A name too long for a file system is cut, and a hash of the whole keeps it apart.
        """
        folder, slash, last = name.rpartition("/")
        whole = os.fsencode(last + self.tail)
        if len(whole) > LONGEST:
            mark = f"-{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}{self.tail}"
            kept = whole[: LONGEST - len(os.fsencode(mark))]
            last = os.fsdecode(kept).encode("utf-8", "ignore").decode() + mark
            return folder + slash + last
        return folder + slash + last + self.tail


def part_names(stem: str, count: int) -> list[str]:
    """Return the names of the arrays of samples of unequal shapes, each in a file of its own."""
    return [name.removesuffix(".png") + ".npz" for name in picture_names(stem, count)]


def picture_names(stem: str, count: int | None) -> list[str]:
    """Return the names of a map's pictures, one a sample of many; None stands for a single one."""
    if count is None:
        return [f"{stem}.png"]
    digits = len(str(count - 1))
    return [f"{stem}.{row:0{digits}}.png" for row in range(count)]


def maps_of(methods: Sequence[tuple[str, Method]], targets: Sequence[Target]) -> list[Map]:
    """Return every map of the call, of methods by label; UsageError for twins."""
    labels = [label for label, _ in methods]
    if twin := next((label for label in labels if labels.count(label) > 1), None):
        mend = "as=LABEL gives one of them another name"
        raise UsageError(f"-m: two of them would write files called {twin!r}", mend=mend)
    asked = [each for target in targets for each in target.maps()]
    words = target_words(asked)
    if [target.asked for target in asked] == ["auto"]:
        words = [""]
    return [
        Map(label, method.name, target, f".{label}.{word}" if word else f".{label}", repr(method))
        for label, method in methods
        for target, word in zip(asked, words, strict=True)
    ]


def refuse_clashes(names: Iterable[str], maps: Sequence[Map], fold: bool = False) -> None:
    """Raise UsageError where two items would write one file; `fold`: where case is not kept."""
    taken: dict[str, str] = {}
    for name in names:
        for made in maps:
            key = made.stem(name).casefold() if fold else made.stem(name)
            if taken.setdefault(key, name) != name:
                raise UsageError(
                    f"{taken[key]} and {name} would write the same files",
                    reason="their names differ in nothing that this file system keeps",
                    mend="rename one, or run them with two --out directories",
                )
