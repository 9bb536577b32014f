"""Names of output files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.storage.target_words import target_words

MOST = 255  # bytes of a file name
LETTERS = 40  # of a site in it
LONGEST = MOST - len(".000000.png")  # less the longest ending of one without a site's name


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
        return folder + slash + _cut(last, self.tail, of=name, most=LONGEST)


def picture_names(stem: str, count: int | None, sites: Sequence[str]) -> list[list[str]]:
    """Return the names of a map's pictures, by sample and site; None stands for a single sample.

    Where there are several sites, pictures of two inputs say, each has its own in the name.
    """
    rows = [""] if count is None else _row_words(count)
    words = [f".{word}" for word in _site_words(sites)] if len(sites) > 1 else [""] * len(sites)
    return [[_picture_name(stem, f"{word}{row}.png") for word in words] for row in rows]


def part_names(stem: str, count: int) -> list[str]:
    """Return the names of the arrays of samples of unequal shapes, each in a file of its own."""
    return [f"{stem}{row}.npz" for row in _row_words(count)]


def _row_words(count: int) -> list[str]:
    digits = len(str(count - 1))
    return [f".{row:0{digits}}" for row in range(count)]


def _picture_name(stem: str, ending: str) -> str:
    folder, slash, last = stem.rpartition("/")
    return folder + slash + _cut(last, ending, of=last, most=MOST)


def _site_words(sites: Sequence[str]) -> list[str]:
    """Return sites as they stand in file names, no two alike, whatever the case."""
    words = [re.sub(r"[^\w+\-]+", "-", site).strip("-")[:LETTERS] for site in sites]
    alike = [word.casefold() for word in words]
    return [
        f"{word}-{_digest(site)[:6]}" if alike.count(word.casefold()) > 1 or not word else word
        for site, word in zip(sites, words, strict=True)
    ]


def _cut(last: str, ending: str, *, of: str, most: int) -> str:
    """Return a file name with its ending in at most so many bytes; a hash of `of` for the rest."""
    if len(os.fsencode(last + ending)) <= most:
        return last + ending
    mark = f"-{_digest(of)[:12]}{ending}"
    start = os.fsencode(last)[: most - len(os.fsencode(mark))]
    return os.fsdecode(start).encode("utf-8", "ignore").decode() + mark


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()


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
