"""Names the files of a map: its arrays, its table, its pictures."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.schema.file_names_in_json import decode_name, encode_name

MAX_NAME_BYTES = 255  # of a file name in most file systems
MAX_SITE_CHARACTERS = 40  # of a site's name in a file name
MAX_STEM_BYTES = MAX_NAME_BYTES - len(".000000.png")  # the longest ending without a site's name
NAME_HASH_DIGITS = 12  # of the hash in the name of a file whose full name is too long
SITE_HASH_DIGITS = 6  # sixteen million different names
ARRAYS, TABLE, PICTURE = ".npz", ".csv", ".png"
SUMMARY_TABLE, SUMMARY_PICTURE = ".summary.csv", ".summary.png"  # of a table over its rows
PANEL = ".panel.png"  # the picture of a search
ANIMATION = ".gif"
PAGE = ".html"  # a text for browsers, beside its picture
FILM = ".webp"  # the animation of a map of frames, beside its picture
TOKENS = ".tokens.csv"  # the value of each token of a text
GRID = ".grid"  # in the name of the picture of all maps of an item
AFTER = ".after.png"  # the pixels that a search has reached, which are no drawing but a result


@dataclass(frozen=True, slots=True)
class MapFiles:
    """The names of a map's files, relative to the run's directory.

    All of them begin with `stem`: the name of the item, the method, and the target if needed.
    """

    stem: str

    @classmethod
    def from_item(cls, name: str, suffix: str) -> MapFiles:
        """Return the files of the map with this suffix of an item.

        A name that is too long for a file system is cut; a hash of the full name makes it unique.
        """
        folder, slash, last = name.rpartition("/")
        return cls(folder + slash + _shorten_name(last, suffix, name, limit=MAX_STEM_BYTES))

    @classmethod
    def from_line(cls, line: Mapping[str, Any]) -> MapFiles:
        """Return the files of the map of a journal line."""
        return cls(decode_name(line, "stem"))

    @property
    def encoded(self) -> dict[str, str]:
        """Return the fields of a journal line that hold the stem."""
        return encode_name("stem", self.stem)

    @property
    def arrays(self) -> str:
        """Return the name of the array file, unless each sample has one of its own."""
        return self.stem + ARRAYS

    def list_tokens(self, sites: Sequence[str]) -> list[str]:
        """Return the name of the table of tokens of each site."""
        return self.list_pictures(None, sites, TOKENS)[0]

    @property
    def table(self) -> str:
        """Return the name of the table that shows the map of a table."""
        return self.stem + TABLE

    @property
    def summary_table(self) -> str:
        """Return the name of the table that sums up the map of a table over its rows."""
        return self._add_ending(SUMMARY_TABLE)

    @property
    def summary_picture(self) -> str:
        """Return the name of the picture that sums up the map of a table over its rows."""
        return self._add_ending(SUMMARY_PICTURE)

    def _add_ending(self, ending: str) -> str:
        folder, slash, last = self.stem.rpartition("/")
        return folder + slash + _shorten_name(last, ending, last, limit=MAX_NAME_BYTES)

    def list_arrays(self, count: int) -> list[str]:
        """Return the names of the array files of samples of unequal shapes, one per sample."""
        return [f"{self.stem}{index}{ARRAYS}" for index in _format_sample_indices(count)]

    def list_pictures(
        self, count: int | None, sites: Sequence[str], ending: str = PICTURE
    ) -> list[list[str]]:
        """Return the names of the pictures by sample and site; `count` is None for a single sample.

        If there are several sites, for example two model inputs, the names contain the site.
        """
        samples = [""] if count is None else _format_sample_indices(count)
        words = (
            [f".{word}" for word in _encode_sites(sites)] if len(sites) > 1 else [""] * len(sites)
        )
        endings = [[f"{word}{index}{ending}" for word in words] for index in samples]
        return [[self._add_ending(end) for end in row] for row in endings]

    def is_of(self, item: str, method: str) -> bool:
        """Return whether this is a map of the item, by name, and the method, by label.

        A map that is made of no input gives its item its own name, which begins with the method.
        """
        folder, _, last = self.stem.rpartition("/")
        if folder != item.rpartition("/")[0]:
            return False
        expected = f"{item}.{method}"
        return (
            self.stem == expected
            or (self.stem == item and last.startswith(f"{method}-"))
            or self.stem.startswith(f"{expected}.")
            or _is_shortened(last, item)
        )

    def has_file(self, name: str) -> bool:
        """Return whether the name is that of a file of this map."""
        if name.startswith(f"{self.stem}."):
            return True
        folder, _, last = self.stem.rpartition("/")
        file_folder, _, file_name = name.rpartition("/")
        return file_folder == folder and _is_shortened(file_name, last)


def build_grid_files(item: str) -> MapFiles:
    """Return the names of the pictures that show all maps of an item together."""
    return MapFiles.from_item(item, GRID)


def is_grid(name: str, item: str) -> bool:
    """Return whether a file is a picture of all maps of this item."""
    return is_picture(name) and build_grid_files(item).has_file(name)


def is_array(name: str) -> bool:
    """Return whether a file of a map has its arrays."""
    return name.endswith(ARRAYS)


def is_picture(name: str) -> bool:
    """Return whether a file of a map is a picture, which can be drawn again from its arrays.

    The page of a text and the animation of a video's map are pictures as well.
    """
    return name.endswith((PICTURE, PAGE, FILM)) and not name.endswith(AFTER)


def get_picture_ending(is_search: bool) -> str:
    """Return how the names of a map's pictures end; those of searches say that they are panels."""
    return PANEL if is_search else PICTURE


def list_file_names(line: Mapping[str, Any]) -> list[str]:
    """Return the names of the files of a journal line."""
    return [decode_name(file, "path") for file in line.get("files", ())]


def _format_sample_indices(count: int) -> list[str]:
    digits = len(str(count - 1))
    return [f".{index:0{digits}}" for index in range(count)]


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
    """Return `last` and its ending; beyond `limit` bytes, a hash of `hashed` ends a cut `last`."""
    if len(os.fsencode(last + ending)) <= limit:
        return last + ending
    end = _build_hash_part(hashed) + ending
    start = os.fsencode(last)[: limit - len(os.fsencode(end))]
    # A character that was cut in the middle is dropped.
    return os.fsdecode(start).encode("utf-8", "ignore").decode() + end


def _is_shortened(name: str, hashed: str) -> bool:
    """Return whether a file's name was cut, and has the hash of `hashed` in place of its end."""
    return f"{_build_hash_part(hashed)}." in name  # every ending begins with a dot


def _build_hash_part(hashed: str) -> str:
    return f"-{_hash_name(hashed, NAME_HASH_DIGITS)}"


def _hash_name(text: str, digits: int) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:digits]
