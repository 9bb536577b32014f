"""Decides how large the thumbnails of a report are, so that the page stays below its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inputgrad_cli.rendering.thumbnails import shrink_thumbnail
from inputgrad_cli.report.page_contents import Body, Cell, Contents, Picture

HEIGHTS = (128, 96, 64)  # pixels
# Of a thumbnail in base64, on average over overlays of photographs.
CELL_BYTES = {128: 3300, 96: 1950, 64: 1000}


def choose_height(wanted: int, cells: int, max_bytes: int) -> int | None:
    """Return the largest height whose thumbnails are likely to fit, None if none do."""
    heights = [height for height in HEIGHTS if height <= wanted]
    return next((h for h in heights if cells * CELL_BYTES[h] <= max_bytes), None)


def find_smaller(height: int | None) -> int | None:
    """Return the next smaller height, None for no pictures."""
    return next((h for h in HEIGHTS if height is not None and h < height), None)


def shrink_contents(contents: Contents, height: int | None) -> Contents:
    """Return the contents with smaller thumbnails; without a height, no cell shows anything."""
    items = [replace(item, cells=_shrink_cells(item.cells, height)) for item in contents.items]
    return replace(contents, items=items)


def _shrink_cells(cells: Sequence[Cell], height: int | None) -> list[Cell]:
    return [replace(cell, body=_shrink_body(cell.body, height)) for cell in cells]


def _shrink_body(body: Body | None, height: int | None) -> Body | None:
    if height is None or not isinstance(body, Picture):
        return body if height else None
    return Picture(shrink_thumbnail(body.thumbnail, height))
