"""Detects whether the first row of a table is a header, and which columns hold numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.formats.tables.cell_parsing import BOOLEANS
from inputgrad_cli.formats.tables.delimiter_and_decimal_detection import is_word as is_word_cell
from inputgrad_cli.formats.tables.delimiter_and_decimal_detection import parse_number
from inputgrad_cli.formats.tables.text_table_header_detection import is_text_header

MIN_COUNTED = 3  # columns; a shorter row may begin with 0, 1 by chance
SURE_COUNTED = 10  # columns; a row that counts this far is not values by chance


def is_header(
    rows: Sequence[Sequence[str]], specs: Sequence[InputSpec], columns: Sequence[str] = ()
) -> bool:
    """Return whether the first of the `rows` of a table names its columns.

    It does if it has the name of an input or all of `columns`, or a word above numbers. A word
    above words may be a name or an id, and counts as a name only if no column holds numbers.
    """
    first, below = rows[0], rows[1:]
    cells = {cell.strip() for cell in first}
    if cells & {spec.name for spec in specs} or (columns and cells >= set(columns)):
        return True
    if all(spec.kind == "text" for spec in specs):
        return is_text_header(first, below)
    indices = list(_yield_non_text_columns(first, specs))
    words = [index for index in indices if is_word(first[index], specs)]
    numeric = [index for index in indices if has_numbers(below, index, specs)]
    if set(words) & set(numeric):
        return True
    if numeric:
        return _is_counted([first[index].strip() for index in numeric], below, numeric)
    return bool(words)


def _yield_non_text_columns(first: Sequence[str], specs: Sequence[InputSpec]) -> Iterator[int]:
    """Yield the columns of inputs that take no text, where a word can only be a name."""
    for index in range(len(first)):
        if len(specs) != len(first) or specs[index].kind != "text":
            yield index


def is_word(cell: str, specs: Sequence[InputSpec]) -> bool:
    """Return whether a cell holds a word, and neither a number, a boolean nor nothing."""
    return is_word_cell(cell, _list_booleans(specs))


def has_numbers(rows: Sequence[Sequence[str]], index: int, specs: Sequence[InputSpec]) -> bool:
    """Return whether any cell of a column is a number, or a boolean if an input takes them."""
    booleans = _list_booleans(specs)
    cells = (row[index] for row in rows if index < len(row))
    return any(
        parse_number(cell) is not None
        or parse_number(cell, ",") is not None
        or cell.strip().lower() in booleans
        for cell in cells
    )


def has_words(rows: Sequence[Sequence[str]], index: int) -> bool:
    """Return whether any cell of a column is a word, and neither a number nor empty."""
    return any(is_word_cell(row[index]) for row in rows if index < len(row))


def _list_booleans(specs: Sequence[InputSpec]) -> frozenset[str]:
    return frozenset(BOOLEANS) if any(spec.kind == "bool" for spec in specs) else frozenset()


def _is_counted(
    cells: Sequence[str], below: Sequence[Sequence[str]], indices: Sequence[int]
) -> bool:
    """Return whether the cells are the column numbers 0, 1, 2, ... and not values."""
    if len(cells) < MIN_COUNTED or list(cells) != [str(index) for index in range(len(cells))]:
        return False
    values = [row[index].strip() for row in below for index in indices if index < len(row)]
    if any(not value.lstrip("+-").isdecimal() for value in values):
        return True
    continuation = [str(len(cells) + index) for index in range(len(cells))]
    return len(cells) >= SURE_COUNTED and values[: len(cells)] != continuation
