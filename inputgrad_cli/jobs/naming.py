"""Names of output files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inputgrad_cli.errors import UsageError


@dataclass(frozen=True)
class Map:
    """One map that every item gets: the method's label, the target as asked, and its stem."""

    label: str
    target: str
    tail: str


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


def maps_of(labels: Sequence[str], targets: Sequence[str]) -> list[Map]:
    """Return every map of the call; UsageError where two would have one name."""
    _refuse_twins(labels, "-m", "as=LABEL gives one of them another name")
    asked = [name for text in targets for name in asked_names(text)]
    words = [file_word(name) for name in asked]
    _refuse_twins(words, "-t", "leave one of them out")
    many = len(asked) > 1
    return [
        Map(label, name, f".{label}.{word}" if many else f".{label}")
        for label in labels
        for name, word in zip(asked, words, strict=True)
    ]


def _refuse_twins(words: Sequence[str], option: str, mend: str) -> None:
    for word in words:
        if words.count(word) > 1:
            raise UsageError(f"{option}: two of them would write files called {word!r}", mend=mend)


def refuse_clashes(names: Iterable[str], maps: Sequence[Map]) -> None:
    """Raise UsageError where two items would write one file, also where case is not kept."""
    taken: dict[str, str] = {}
    for name in names:
        for made in maps:
            key = (name + made.tail).casefold()
            if taken.setdefault(key, name) != name:
                raise UsageError(
                    f"{taken[key]} and {name} would write the same files",
                    reason="their names differ in nothing that every file system keeps",
                    mend="rename one, or run them with two --out directories",
                )
