"""Writes a report as a folder of static pages, for servers that block scripts and inline data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.report.column_legends import build_legends, list_notes
from inputgrad_cli.report.large_picture_budget import encode_large_pictures
from inputgrad_cli.report.missing_results import list_hints
from inputgrad_cli.report.page_contents import Contents, Picture
from inputgrad_cli.report.page_data_encoding import PACK_ITEMS
from inputgrad_cli.report.page_rendering import STYLE, PageLink, PageParts, read_part, render_page
from inputgrad_cli.report.single_file import to_fields
from inputgrad_cli.report.static_item_cards import ItemView

INDEX = "index.html"
# Files of an earlier report, which the next one may remove; all others stay.
OWN_FILES = re.compile(
    r"index\.html|page-\d+\.html|report\.css|small/\d+\.webp|large/\d+\.webp|bars/\d+\.png"
)


@dataclass(frozen=True)
class FolderForm:
    """How a folder is composed: from the run in `out`, with at most `max_bytes` of pictures."""

    out: Path
    max_bytes: int

    def yield_files(
        self, contents: Contents, height: int | None, is_plain: bool
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the content of every file, the first page last."""
        yield STYLE, read_part(STYLE).encode()
        small = dict(_list_thumbnails(contents))
        for i, data in small.items():
            yield _name_file("small", i), data
        room = self.max_bytes - sum(map(len, small.values()))
        large = encode_large_pictures(self.out, contents, room) if height else {}
        for i, data in large.items():
            yield _name_file("large", i), data
        legends = build_legends(contents)
        for i, legend in enumerate(legends):
            yield _name_bar(i), legend.bar
        view = ItemView(
            contents,
            lambda i, picture: _name_file("small", i),
            lambda i, cell: _name_file("large", i) if i in large else "",
        )
        # Rounded up; a run without items has a page as well, which says so.
        count = max(1, -(-len(contents.items) // PACK_ITEMS))
        # The first page comes last, so that nobody opens a report of which other pages are missing.
        for page in reversed(range(count)):
            parts = PageParts(
                first=page * PACK_ITEMS,
                last=(page + 1) * PACK_ITEMS,
                legends=[to_fields(legend, _name_bar(i)) for i, legend in enumerate(legends)],
                notes=list_notes(contents),
                hints=list_hints(contents, height, None if is_plain else self.max_bytes),
                height=height,
                pages=_link_pages(page, count),
            )
            yield _name_page(page), render_page(view, parts)


def _list_thumbnails(contents: Contents) -> Iterator[tuple[int, bytes]]:
    bodies = [cell.body for item in contents.items for cell in item.cells]
    return ((i, body.thumbnail) for i, body in enumerate(bodies) if isinstance(body, Picture))


def _link_pages(current: int, count: int) -> Sequence[PageLink]:
    """Return links to all pages, none if there is one."""
    pages = [PageLink(_name_page(i), str(i + 1), i == current) for i in range(count)]
    return pages if count > 1 else ()


def _name_page(page: int) -> str:
    return f"page-{page + 1}.html" if page else INDEX


def _name_file(folder: str, cell: int) -> str:
    return f"{folder}/{cell:07d}.webp"


def _name_bar(legend: int) -> str:
    return f"bars/{legend}.png"
