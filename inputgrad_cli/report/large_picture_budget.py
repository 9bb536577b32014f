"""Encodes the large pictures of a report as long as there is room for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from inputgrad_cli.errors import ItemError
from inputgrad_cli.machine.memory_and_core_limits import count_visible_cores
from inputgrad_cli.prefetch import prefetch
from inputgrad_cli.rendering.thumbnails import encode_thumbnail
from inputgrad_cli.report.page_contents import Cell, Contents, Picture, Status
from inputgrad_cli.storage.safe_run_paths import find_file

HEIGHT = 448  # pixels at most, that of the large view
AHEAD = 4  # pictures in work for each thread


def encode_large_pictures(out: Path, contents: Contents, room: int) -> dict[int, bytes]:
    """Return large pictures by the index of their cell, of `room` bytes at most.

    Those whose checks do not hold come first, because they are looked at first; then run order.
    """
    threads = count_visible_cores()
    cells = list(_order_cells(contents))
    pictures: dict[int, bytes] = {}
    encoded = prefetch(
        lambda c: _encode(out, c[1]), cells, threads if len(cells) > 1 else 0, AHEAD * threads
    )
    for (index, _), data in zip(cells, encoded, strict=True):
        if data is None:
            continue
        room -= len(data)
        if room < 0:
            break
        pictures[index] = data
    return pictures


def _order_cells(contents: Contents) -> Iterator[tuple[int, Cell]]:
    cells = [cell for item in contents.items for cell in item.cells]
    shown = [
        (i, cell) for i, cell in enumerate(cells) if isinstance(cell.body, Picture) and cell.file
    ]
    yield from sorted(shown, key=lambda pair: pair[1].status is not Status.UNMET)


def _encode(out: Path, cell: Cell) -> bytes | None:
    """Return the large picture of a cell, None if its file is gone or damaged by now."""
    if find_file(out, cell.file) is None:
        return None
    try:
        return encode_thumbnail((out / cell.file).read_bytes(), HEIGHT).data
    except (ItemError, OSError):
        return None
