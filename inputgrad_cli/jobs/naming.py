"""Names of output files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inputgrad_cli.contracts import Method
from inputgrad_cli.errors import UsageError

LONGEST = 255 - len(".000000.png")  # bytes of a file name, less the longest ending


@dataclass(frozen=True)
class Map:
    """One map that every item gets: its method, the target as asked, the end of its file name."""

    label: str
    method: str
    target: str
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


def picture_names(stem: str, count: int | None) -> list[str]:
    """Return the names of a map's pictures, one a sample of many; None stands for a single one."""
    if count is None:
        return [f"{stem}.png"]
    digits = len(str(count - 1))
    return [f"{stem}.{row:0{digits}}.png" for row in range(count)]


def asked_names(text: str) -> list[str]:
    """Return the targets that `text` stands for: K of them for `top:K`, else itself."""
    found = re.fullmatch(r"((?:.*/)?)top:(\d+)", text)
    if found is None:
        return [text]
    return [f"{found[1]}top{rank + 1}" for rank in range(int(found[2]))]


def file_word(target: str) -> str:
    """Return the target as it stands in a file name.

    `class:3` and `3` give `class3`, `margin:1,2` gives `margin1-2`, `probs/top1` `probs-top1`.
    """
    head, slash, expression = target.rpartition("/")
    if target.startswith("mask:"):
        return "mask-" + _safe(re.split(r"[/\\]", target)[-1].split(",")[0].rsplit(".", 1)[0])
    if expression.isdigit():
        expression = f"class{expression}"
    word = re.sub(r":(?=-?\d)", "", expression, count=1)
    return _safe(head + slash + word)


def _safe(text: str) -> str:
    return re.sub(r"[^\w+\-]+", "-", text).strip("-") or "target"


def maps_of(methods: Sequence[tuple[str, Method]], targets: Sequence[str]) -> list[Map]:
    """Return every map of the call, of methods by label; UsageError for twins."""
    _refuse_twins([label for label, _ in methods], "-m", "as=LABEL gives one of them another name")
    asked = [name for text in targets for name in asked_names(text)]
    words = [file_word(name) for name in asked]
    _refuse_twins(words, "-t", "leave one of them out")
    many = len(asked) > 1
    return [
        Map(label, method.name, name, f".{label}.{word}" if many else f".{label}", repr(method))
        for label, method in methods
        for name, word in zip(asked, words, strict=True)
    ]


def _refuse_twins(words: Sequence[str], option: str, mend: str) -> None:
    for word in words:
        if words.count(word) > 1:
            raise UsageError(f"{option}: two of them would write files called {word!r}", mend=mend)


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
