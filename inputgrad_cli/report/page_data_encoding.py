"""Encodes what the script of a page reads: the index of all items, and their cells in packs."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.report.page_contents import Body, Cell, Contents, Picture, to_json
from inputgrad_cli.report.path_and_number_formatting import build_link
from inputgrad_cli.schema.json_type_alias import JsonObject

PACK_ITEMS = 100  # items of a page, and of a pack: a page in run order opens one pack
LEVEL = 6  # of gzip; 9 takes three times as long and saves 1 %
DIGITS = 6  # of a number in the index, by which items are sorted


@dataclass(frozen=True)
class Packs:
    """The cells of all items as text, a pack for every 100 items, and the length of each cell."""

    texts: Sequence[str]
    lengths: Sequence[int]

    @property
    def size(self) -> int:
        """Return the characters of all packs."""
        return sum(map(len, self.texts))


def encode_base64(data: bytes) -> str:
    """Return bytes in base64, as text."""
    return base64.b64encode(data).decode("ascii")


def encode_json(value: Any) -> str:
    """Return a value as JSON, compressed, in base64; equal values give equal text."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    # Without a time, because the same run must give the same bytes.
    return encode_base64(gzip.compress(text.encode(), LEVEL, mtime=0))


def encode_body(body: Body | None) -> str:
    """Return what a cell shows: WebP in base64, or compressed JSON; "" for nothing."""
    if body is None:
        return ""
    if isinstance(body, Picture):
        return encode_base64(body.thumbnail)
    return encode_json(to_json(body))


def build_packs(texts: Sequence[str], columns: int) -> Packs:
    """Return the packs of texts, one for each cell, `columns` to an item."""
    size = PACK_ITEMS * columns
    parts = ["".join(texts[start : start + size]) for start in range(0, len(texts), size)]
    return Packs(parts, [len(text) for text in texts])


def build_index(
    contents: Contents, *, bodies: Packs, large: Packs, prefix: str | None
) -> JsonObject:
    """Return the index of a page: columns of values, not rows, because those compress better.

    `prefix` leads from the page to the files of the run, None if nothing does.
    """
    items = contents.items
    cells = [cell for item in items for cell in item.cells]
    classes = list_classes(cells)
    positions = {label: i for i, label in enumerate(classes)}
    return {
        "columns": list(contents.columns),
        "classes": classes,
        "pack": PACK_ITEMS,
        "name": [item.name for item in items],
        "status": [int(cell.status) for cell in cells],
        # The script takes -1 for a cell without a class.
        "class": [positions.get(cell.label, -1) for cell in cells],
        "answer": [cell.answer for cell in cells],
        "score": _round_all(cell.score for cell in cells),
        "probability": _round_all(cell.probability for cell in cells),
        "gap": _round_all(cell.gap for cell in cells),
        "norm": _round_all(cell.norm for cell in cells),
        "notes": _list_notes(cells),
        "file": [build_file_link(cell, prefix) for cell in cells],
        "length": list(bodies.lengths),
        "large": list(large.lengths),
    }


def build_file_link(cell: Cell, prefix: str | None) -> str:
    """Return the link to the picture of a cell in the run, "" if nothing leads there."""
    return prefix + build_link(cell.file) if cell.file and prefix is not None else ""


def list_classes(cells: Iterable[Cell]) -> list[str]:
    """Return the classes of all cells, sorted."""
    return sorted({cell.label for cell in cells if cell.label})


def _round_all(values: Iterable[float | None]) -> list[float | None]:
    return [
        None if value is None or not math.isfinite(value) else float(f"{value:.{DIGITS}g}")
        for value in values
    ]


def _list_notes(cells: Sequence[Cell]) -> Mapping[str, Sequence[str]]:
    """Return the sentences of the few cells that have any, by the index of the cell."""
    return {str(i): list(cell.notes) for i, cell in enumerate(cells) if cell.notes}
