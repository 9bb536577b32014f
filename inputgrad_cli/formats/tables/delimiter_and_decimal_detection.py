"""Detects how a table is written: its delimiter and the decimal mark of its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# 1.234,5: the comma shows that the points separate groups of thousands.
GROUPED = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+")
COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?|[+-]?\d+,")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
MISSING_VALUES = frozenset(("", "-", "?", "na", "n/a", "nan", "nil", "none", "null"))


@dataclass(frozen=True)
class Dialect:
    """The delimiter of a table and its decimal mark; with `spaced`, spaces follow delimiters.

    A table with commas as delimiters has the point as decimal mark.
    """

    delimiter: str = ","
    decimal: str = "."
    spaced: bool = False

    def record(self) -> dict[str, str]:
        """Return the fields that are stored in records."""
        return {"delimiter": self.delimiter, "decimal": self.decimal}


def parse_number(cell: str, decimal: str = ".") -> float | None:
    """Return the number in a cell, or None if it holds none."""
    # float() also accepts 1_000, which is a typing error in a table.
    try:
        return None if "_" in cell else float(to_decimal_point(cell, decimal))
    except ValueError:
        return None


def to_decimal_point(cell: str, decimal: str) -> str:
    """Return a cell with a decimal point, or an empty text if its decimal mark is another one."""
    if decimal == ".":
        return cell
    if "." not in cell:
        return cell.replace(",", ".", 1)
    # 1.234 could be a thousand or a fraction in a table of decimal commas, so it is refused.
    return cell.replace(".", "").replace(",", ".") if GROUPED.fullmatch(cell.strip()) else ""


def detect_decimal(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    """Return the decimal mark of the first rows, or a point if they show none.

    With tabs as delimiters, 1,234 may be a thousand and is ignored. With
    semicolons it is a fraction.
    """
    if delimiter == ",":
        return "."
    commas = points = 0
    for cell in (cell.strip() for row in rows for cell in row):
        if GROUPED.fullmatch(cell):
            commas += 1
        elif COMMA.fullmatch(cell):
            commas += delimiter == ";" or not THOUSANDS.fullmatch(cell)
        elif "." in cell and parse_number(cell) is not None:
            points += 1
    return "," if commas > points else "."


def is_word(cell: str, booleans: Iterable[str] = ()) -> bool:
    """Return whether a cell holds a word.

    Numbers with either decimal mark, `booleans`, and marks of missing values are not words.
    """
    word = cell.strip().lower()
    if word in MISSING_VALUES or word in booleans:
        return False
    return parse_number(word) is None and parse_number(word, ",") is None
