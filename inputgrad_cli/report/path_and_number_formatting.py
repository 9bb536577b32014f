"""Writes names, numbers and messages for a page that is mailed to people elsewhere."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.rendering import label_formatting
from inputgrad_cli.rendering.label_formatting import ELLIPSIS, cut_middle

MAX_NAME, MAX_TEXT = 250, 500  # characters; a page of names of 10,000 letters cannot be read
BEGINNING = r"(?<![\w.\-/~])"  # of an absolute path: its slash stands after no name
# An absolute path up to its last name; its folders are without spaces.
FOLDERS = re.compile(BEGINNING + r"~?/(?:[^/\s'\"<>|:,;=()]+/)+")


@dataclass(frozen=True)
class Cleaner:
    """Removes from texts what a reader elsewhere need not know, and what a page cannot show.

    `folders` are absolute folders that are known to be in the records of the run.
    """

    folders: Sequence[str] = ()

    def clean(self, text: str, limit: int = MAX_TEXT) -> str:
        """Return a text without absolute folders and control characters, of limited length."""
        for folder in sorted(self.folders, key=len, reverse=True):
            text = re.sub(BEGINNING + re.escape(folder.rstrip("/") + "/"), "", text)
        # Only the beginning is searched for folders, because a text may be of any length.
        return cut_middle(to_printable(FOLDERS.sub(ELLIPSIS + "/", text[: 4 * limit])), limit)


def format_name(name: str, sample: int | None = None) -> str:
    """Return the name of an item as any page can show it, with the index of its sample."""
    shown = cut_middle(to_printable(name), MAX_NAME)
    return shown if sample is None else f"{shown}#{sample}"


def build_link(name: str) -> str:
    """Return the relative link to a file, whatever characters its name has."""
    return quote(os.fsencode(name))


def format_number(value: float | None) -> str:
    """Return a number in three digits with its sign; None is no number."""
    return label_formatting.format_number(math.nan if value is None else value, signed=True)


def format_size(size: int) -> str:
    """Return a number of bytes as people write it."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
