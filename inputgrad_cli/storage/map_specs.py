"""Lists the maps that a run makes of every item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inputgrad_cli.data.written_target import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.storage.map_files import MapFiles
from inputgrad_cli.storage.target_words import encode_targets


@dataclass(frozen=True)
class MapSpec:
    """A map that is made of every item: its method, its target, the suffix of its file names."""

    label: str
    method: str
    target: Target
    suffix: str
    parameters: str = ""

    def build_files(self, name: str) -> MapFiles:
        """Return the names of the files of this map of an item."""
        return MapFiles.from_item(name, self.suffix)


def build_map_specs(
    methods: Sequence[tuple[str, Method]], targets: Sequence[Target]
) -> list[MapSpec]:
    """Return all maps of a run, from methods with labels; UsageError if two labels are equal."""
    labels = [label for label, _ in methods]
    if duplicate := next((label for label in labels if labels.count(label) > 1), None):
        hint = "give one of them another name with as=LABEL"
        raise UsageError(f"-m: two methods would write files called {duplicate!r}", hint=hint)
    requested = [single for target in targets for single in target.split_ranks()]
    words = encode_targets(requested)
    # Most calls have no other target, and their files need no word for it.
    if [target.text for target in requested] == ["auto"]:
        words = [""]
    return [
        MapSpec(
            label, method.name, target, f".{label}.{word}" if word else f".{label}", repr(method)
        )
        for label, method in methods
        for target, word in zip(requested, words, strict=True)
    ]


def refuse_clashes(
    names: Iterable[str], maps: Sequence[MapSpec], ignore_case: bool = False
) -> None:
    """Raise UsageError if two items would write the same file.

    With `ignore_case`, names are equal if they differ only in case.
    """
    taken: dict[str, str] = {}
    for name in names:
        for spec in maps:
            stem = spec.build_files(name).stem
            key = stem.casefold() if ignore_case else stem
            if taken.setdefault(key, name) != name:
                raise UsageError(
                    f"{taken[key]} and {name} would write the same files",
                    reason="this file system does not distinguish their names",
                    hint="rename one, or run them with two --out directories",
                )
