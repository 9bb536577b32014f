"""Builds the names of output files."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.schema.limits import NAME_HASH_DIGITS
from inputgrad_cli.storage.target_words import encode_targets

MAX_NAME_BYTES = 255  # of a file name in most file systems
MAX_SITE_CHARACTERS = 40  # of a site's name in a file name
MAX_STEM_BYTES = MAX_NAME_BYTES - len(".000000.png")  # the longest ending without a site's name
SITE_HASH_DIGITS = 6  # sixteen million different names


@dataclass(frozen=True)
class MapSpec:
    """A map that is made of every item: its method, its target, the suffix of its file names."""

    label: str
    method: str
    target: Target
    suffix: str
    parameters: str = ""

    def build_stem(self, name: str) -> str:
        """Return the path of the map's files below the output directory, without their endings.

        A name that is too long for a file system is cut; a hash of the full name makes it unique.
        """
        folder, slash, last = name.rpartition("/")
        return folder + slash + _shorten_name(last, self.suffix, name, limit=MAX_STEM_BYTES)


def list_picture_names(stem: str, count: int | None, sites: Sequence[str]) -> list[list[str]]:
    """Return the names of a map's pictures, by sample and site; None stands for a single sample.

    If there are several sites, for example two model inputs, the names contain the site.
    """
    samples = [""] if count is None else _format_sample_indices(count)
    words = [f".{word}" for word in _encode_sites(sites)] if len(sites) > 1 else [""] * len(sites)
    return [
        [_build_picture_name(stem, f"{word}{sample}.png") for word in words] for sample in samples
    ]


def list_array_names(stem: str, count: int) -> list[str]:
    """Return the names of the array files of samples of unequal shapes, one file per sample."""
    return [f"{stem}{sample}.npz" for sample in _format_sample_indices(count)]


def _format_sample_indices(count: int) -> list[str]:
    digits = len(str(count - 1))
    return [f".{index:0{digits}}" for index in range(count)]


def _build_picture_name(stem: str, ending: str) -> str:
    folder, slash, last = stem.rpartition("/")
    return folder + slash + _shorten_name(last, ending, last, limit=MAX_NAME_BYTES)


def _encode_sites(sites: Sequence[str]) -> list[str]:
    """Return the sites as they are written in file names, unique even if case is ignored."""
    words = [re.sub(r"[^\w+\-]+", "-", site).strip("-")[:MAX_SITE_CHARACTERS] for site in sites]
    counts = Counter(word.casefold() for word in words)
    unique = [word if counts[word.casefold()] == 1 else "" for word in words]
    return [
        name or f"{word}-{_hash_name(site, SITE_HASH_DIGITS)}"
        for site, word, name in zip(sites, words, unique, strict=True)
    ]


def _shorten_name(last: str, ending: str, hashed: str, *, limit: int) -> str:
    """Return `last` with its ending; beyond `limit` bytes its end becomes a hash of `hashed`."""
    if len(os.fsencode(last + ending)) <= limit:
        return last + ending
    end = f"-{_hash_name(hashed, NAME_HASH_DIGITS)}{ending}"
    start = os.fsencode(last)[: limit - len(os.fsencode(end))]
    return os.fsdecode(start).encode("utf-8", "ignore").decode() + end


def _hash_name(text: str, digits: int) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:digits]


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
            key = spec.build_stem(name).casefold() if ignore_case else spec.build_stem(name)
            if taken.setdefault(key, name) != name:
                raise UsageError(
                    f"{taken[key]} and {name} would write the same files",
                    reason="this file system does not distinguish their names",
                    hint="rename one, or run them with two --out directories",
                )
