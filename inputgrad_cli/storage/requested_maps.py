"""Lists the maps that a run makes of every item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.goal import Goal
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.storage.map_file_names import GRID, MapFiles
from inputgrad_cli.storage.targets_in_file_names import encode_targets


@dataclass(frozen=True)
class MapSpec:
    """A map that is made of every item: its method, its target, the suffix of its file names.

    `free_stem` begins the names of its files if it is made of no item.
    """

    label: str
    method: str
    target: Target
    suffix: str
    parameters: str = ""
    free_stem: str = ""

    def build_files(self, name: str) -> MapFiles:
        """Return the names of the files of this map of an item; without a name, of no input."""
        return MapFiles.from_item(name, self.suffix) if name else MapFiles(self.free_stem)


def build_map_specs(
    methods: Sequence[tuple[str, Method | Goal]], targets: Sequence[Target], seed: int = 0
) -> list[MapSpec]:
    """Return all maps of a run, from methods or goals with labels.

    The seed is part of the names of those that are made of no input. Raises UsageError if two
    labels are equal, or one names other files of a run.
    """
    labels = [label for label, _ in methods]
    if duplicate := next((label for label in labels if labels.count(label) > 1), None):
        hint = "give one of them another name with as=LABEL"
        flag = "--goal" if isinstance(methods[0][1], Goal) else "-m"
        raise UsageError(f"{flag}: two of them would write files called {duplicate!r}", hint=hint)
    if GRID.removeprefix(".") in labels:
        raise UsageError(
            f"the label {GRID.removeprefix('.')!r} is that of the picture of all maps of an item",
            hint="give the method another name with as=LABEL",
        )
    requested = [single for target in targets for single in target.split_ranks()]
    full_words = words = encode_targets(requested)
    # Most calls have no other target, and their files need no word for it.
    if [target.text for target in requested] == ["auto"]:
        words = [""]
    return [
        MapSpec(
            label,
            method.name,
            target,
            f".{label}.{word}" if word else f".{label}",
            repr(method),
            f"{label}-{full_word}-{seed}",
        )
        for label, method in methods
        for target, word, full_word in zip(requested, words, full_words, strict=True)
    ]


def refuse_clashes(
    yield_names: Callable[[], Iterator[str]], maps: Sequence[MapSpec], ignore_case: bool = False
) -> None:
    """Raise UsageError if two items would write the same file.

    `yield_names` is called twice if names may clash. With `ignore_case`, names are equal if they
    differ only in case.
    """

    def yield_keys() -> Iterator[tuple[str, str]]:
        for name in yield_names():
            for spec in maps:
                stem = spec.build_files(name).stem
                yield name, stem.casefold() if ignore_case else stem

    # Hashes take 8 bytes a name, while a dictionary of the names would take 250.
    hashes = np.fromiter((hash(key) for _, key in yield_keys()), np.int64)
    hashes.sort()
    repeated = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    if not repeated:
        return
    taken: dict[str, str] = {}
    for name, key in yield_keys():
        if hash(key) in repeated and taken.setdefault(key, name) != name:
            raise UsageError(
                f"{taken[key]} and {name} would write the same files",
                reason="this file system does not distinguish their names",
                hint="rename one, or run them with two --out directories",
            )
