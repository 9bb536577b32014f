"""Writes values as the cells of a CSV file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array

SPECIAL = frozenset(',"\n\r')  # characters for which a cell is quoted


def quote_cell(text: str) -> str:
    """Return a text as a cell, in quotes where it needs them."""
    if SPECIAL.isdisjoint(text) and text.strip() == text:
        return text
    return '"' + text.replace('"', '""') + '"'


def join_cells(texts: Sequence[str]) -> str:
    """Return a line of cells, without its end."""
    return ",".join(map(quote_cell, texts))


def to_cells(values: Array) -> list[str]:
    """Return values, (N,), as cells: numbers by their shortest text, whole ones without `.0`."""
    if values.dtype.kind == "f":
        texts: list[str] = values.astype("U32").tolist()
        return [text[:-2] if text.endswith(".0") else text for text in texts]
    if values.dtype.kind == "b":
        values = values.astype(np.int8)
    if values.dtype.kind in "iu":
        return list(map(str, values.tolist()))
    return [
        quote_cell(value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value)
        for value in values.tolist()
    ]
