"""Writes a report as one HTML file that holds everything it shows."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from inputgrad_cli.report.column_legends import Legend, build_legends, list_notes
from inputgrad_cli.report.large_picture_budget import encode_large_pictures
from inputgrad_cli.report.missing_results import list_hints
from inputgrad_cli.report.page_contents import Contents
from inputgrad_cli.report.page_data_encoding import (
    PACK_ITEMS,
    Packs,
    build_file_link,
    build_index,
    build_packs,
    encode_base64,
    encode_body,
    encode_json,
)
from inputgrad_cli.report.page_rendering import Pack, PageParts, render_page
from inputgrad_cli.report.path_and_number_formatting import build_link
from inputgrad_cli.report.static_item_cards import ItemView
from inputgrad_cli.report.thumbnail_height_choice import find_smaller, shrink_contents

BASE64_BYTES = 4 / 3  # for each byte of a picture
LARGE_SHARE = 0.98  # of the room; the rest is for the lengths of the pictures and their elements


@dataclass(frozen=True)
class Composed:
    """A finished page, and the height of its thumbnails; None if it has none."""

    page: bytes
    height: int | None
    contents: Contents


@dataclass(frozen=True)
class SingleFile:
    """How one file is composed: from the run in `out`, for `path`, with at most `max_bytes`."""

    out: Path
    path: Path
    max_bytes: int

    def compose(self, contents: Contents, height: int | None, is_plain: bool) -> Composed:
        """Return the page of a run with pictures as large as there is room for.

        With `is_plain`, pictures were not wanted, so that nothing need be said of their absence.
        """
        # The sizes of thumbnails were estimated, so a page may turn out too large.
        while True:
            texts = [encode_body(cell.body) for item in contents.items for cell in item.cells]
            bodies = build_packs(texts, len(contents.columns))
            hints = list_hints(contents, height, None if is_plain else self.max_bytes)
            parts = self._build_parts(contents, height, hints)
            no_large = Packs((), [0] * len(texts))
            base = self._render(contents, parts, bodies=bodies, large=no_large)
            room = self.max_bytes - len(base)
            if room >= 0 or height is None:
                break
            height = find_smaller(height)
            contents = shrink_contents(contents, height)
        if height is None or room <= 0:
            return Composed(base, height, contents)
        pictures = encode_large_pictures(self.out, contents, int(room / BASE64_BYTES * LARGE_SHARE))
        large_texts = [
            encode_base64(pictures[i]) if i in pictures else "" for i in range(len(texts))
        ]
        large = build_packs(large_texts, len(contents.columns))
        return Composed(self._render(contents, parts, bodies=bodies, large=large), height, contents)

    def _build_parts(self, contents: Contents, height: int | None, hints: list[str]) -> PageParts:
        legends = [to_fields(legend) for legend in build_legends(contents)]
        return PageParts(
            first=0,
            last=PACK_ITEMS,
            legends=legends,
            notes=list_notes(contents),
            hints=hints,
            height=height,
        )

    def _render(
        self, contents: Contents, parts: PageParts, *, bodies: Packs, large: Packs
    ) -> bytes:
        prefix = self._find_prefix()
        index = build_index(contents, bodies=bodies, large=large, prefix=prefix)
        packs = [Pack(f"p{i}", text) for i, text in enumerate(bodies.texts) if text]
        packs += [Pack(f"g{i}", text) for i, text in enumerate(large.texts) if text]
        view = ItemView(
            contents,
            lambda cell, picture: "data:image/webp;base64," + encode_base64(picture.thumbnail),
            lambda index, cell: build_file_link(cell, prefix),
        )
        return render_page(view, replace(parts, index=encode_json(index), packs=packs))

    def _find_prefix(self) -> str | None:
        """Return the link from the page to the run's files, None if they are not below it.

        A path that leads up would say where on this machine the run is.
        """
        folder = os.path.realpath(self.path.parent)
        relative = os.path.relpath(os.path.realpath(self.out), folder)
        if relative == ".":
            return ""
        is_below = relative.split(os.sep)[0] != os.pardir
        return build_link(relative) + "/" if is_below else None


def to_fields(legend: Legend, src: str = "") -> dict[str, str]:
    """Return a legend for the template; its colour bar is at `src`, or in the page."""
    texts = {"low": legend.low, "high": legend.high, "column": legend.column}
    source = src or "data:image/png;base64," + encode_base64(legend.bar)
    return {**texts, "quantity": legend.quantity, "alt": legend.alt, "src": source}
