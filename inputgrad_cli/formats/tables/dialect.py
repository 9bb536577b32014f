"""How a table is written: what separates its cells, and what its numbers look like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# 1.234,5: points between groups of thousands, which a comma after them proves.
GROUPED = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+")
COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?|[+-]?\d+,")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
MISSING = frozenset(("", "-", "?", "na", "n/a", "nan", "nil", "none", "null"))


@dataclass(frozen=True)
class Dialect:
    """The delimiter of a table and its decimal mark; `spaced` says that blanks follow delimiters.

    A table whose cells are separated by commas writes decimals with a point.
    """

    delimiter: str = ","
    decimal: str = "."
    spaced: bool = False

    def record(self) -> dict[str, str]:
        """Return the fields for records."""
        return {"delimiter": self.delimiter, "decimal": self.decimal}


def number(cell: str, decimal: str = ".") -> float | None:
    """Return the number that a cell writes, None where it writes none."""
    # float() also takes 1_000, which in a table is a slip of the pen.
    try:
        return None if "_" in cell else float(pointed(cell, decimal))
    except ValueError:
        return None


def pointed(cell: str, decimal: str) -> str:
    """Return a cell with a decimal point; no text where the decimal mark is not the table's."""
    if decimal == ".":
        return cell
    if "." not in cell:
        return cell.replace(",", ".", 1)
    # 1.234 is a thousand to one who writes commas, and one to another: it is not guessed.
    return cell.replace(".", "").replace(",", ".") if GROUPED.fullmatch(cell.strip()) else ""


def decimal_of(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    """Return the decimal mark that the first rows show; a point where they show none.

    With tabs, 1,234 alone may be a thousand and shows nothing; with semicolons it is a fraction.
    """
    if delimiter == ",":
        return "."
    commas = points = 0
    for cell in (cell.strip() for row in rows for cell in row):
        if GROUPED.fullmatch(cell):
            commas += 1
        elif COMMA.fullmatch(cell):
            commas += delimiter == ";" or not THOUSANDS.fullmatch(cell)
        elif "." in cell and number(cell) is not None:
            points += 1
    return "," if commas > points else "."


def is_word(cell: str, truths: Iterable[str] = ()) -> bool:
    """Return whether a cell holds neither a number, nor one of `truths`, nor what stands for none.

    A number may have either decimal mark.
    """
    word = cell.strip().lower()
    if word in MISSING or word in truths:
        return False
    return number(word) is None and number(word, ",") is None
