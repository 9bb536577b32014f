"""Finds the maps whose pictures share a scale: those of an item's top classes by one method.

The journal line of such a map has the hash of its group, so that a picture that was drawn alone, or
with other maps, is drawn again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.errors import ItemError
from inputgrad_cli.runs.pictures.run_wide_scale import find_rank_word, yield_scales
from inputgrad_cli.runs.pictures.stored_picture_data import find_sample_index, list_parts
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.storage.run_directory import RunDirectory, StoredMap

SampleScales = Mapping[tuple[int, str], Scale]  # by the index of a sample in its item, and by site


@dataclass(frozen=True)
class ScaleGroup:
    """Maps of one item in one style, with their fingerprints by stem."""

    directory: RunDirectory
    style: Style
    fingerprints: dict[str, str]

    @cached_property
    def digest(self) -> str | None:
        """Return the hash of the group, None for a single map, which has its own scale."""
        return hash_group(self.fingerprints)

    @cached_property
    def scales(self) -> SampleScales:
        """Return the scales of the pictures; none for a single map."""
        return {} if self.digest is None else join_scales(self._yield_maps(), self.style)

    def is_due(self, stored: StoredMap) -> bool:
        """Return whether the pictures of a map are not those of the group, or are missing."""
        return stored.is_due(self.style) or stored.line.get("scale_group") != self.digest

    def record(self) -> dict[str, str]:
        """Return the field of the journal lines of its maps; none for a single map."""
        return {} if self.digest is None else {"scale_group": self.digest}

    def _yield_maps(self) -> Iterator[tuple[int, RecordedMap]]:
        for stem in self.fingerprints:
            stored = self.directory.get_map(stem)
            parts = list_parts(stored)
            with contextlib.suppress(ItemError):  # reported when its own picture is drawn
                for name, recorded in stored.yield_arrays():
                    index = find_sample_index(name, parts, stored) if parts else 0
                    yield index, recorded.show_as(self.style.show)


def hash_group(fingerprints: Mapping[str, str]) -> str | None:
    """Return a hash of maps that share a scale; None for a single map, which has its own."""
    if len(fingerprints) < 2:
        return None
    return hashlib.sha256(json.dumps(sorted(fingerprints.items())).encode()).hexdigest()


def join_scales(maps: Iterable[tuple[int, RecordedMap]], style: Style) -> SampleScales:
    """Return scales that cover all maps of a sample; each map comes with its first sample."""
    scales: dict[tuple[int, str], Scale] = {}
    for first, recorded in maps:
        for row, site, scale in yield_scales(recorded, style):
            key = (first + row, site)
            scales[key] = scale.join(scales.get(key))
    return scales


def set_scales(recorded: RecordedMap, scales: SampleScales, row: int, index: int) -> RecordedMap:
    """Return a map with the scales of the sample that it has at `row`, and its item at `index`."""
    sites = [site for site in recorded.values if (index, site) in scales]
    return replace(recorded, scales={(row, site): scales[index, site] for site in sites})


def group_maps(
    directory: RunDirectory, maps: Iterable[tuple[StoredMap, Style | None]]
) -> dict[str, ScaleGroup]:
    """Return the group of each map of a top class, by stem; `maps` come with their styles.

    A style of None means that a map has no pictures. Those of one scale for the run are left out.
    """
    groups: dict[tuple[object, ...], ScaleGroup] = {}
    by_stem: dict[str, ScaleGroup] = {}
    for stored, style in maps:
        line = stored.line
        word = find_rank_word(line["target"]) if line.get("files") else None
        if word is None or style is None or style.scale == "run" or _is_search(stored):
            continue
        item, words = decode_name(line, "input"), json.dumps(style.record(), sort_keys=True)
        key = (item, line["method"], word, words, get_content(line))
        group = groups.setdefault(key, ScaleGroup(directory, style, {}))
        group.fingerprints[stored.stem] = line.get("fingerprint", "")
        by_stem[stored.stem] = group
    return by_stem


def get_content(line: JournalLine) -> tuple[object, ...]:
    """Return what the files of an item held: their hashes, and the number of samples."""
    hashes = sorted((str(s["for"]), s.get("sha256") or "") for s in line["sources"])
    return line["samples"], *hashes


def _is_search(stored: StoredMap) -> bool:
    """Return whether a map is the result of a search, whose pictures show more than a map."""
    return stored.run is not None and "goal" in stored.run["options"]
