"""Whether the first row of a table names its columns, and which columns hold numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inputgrad_cli.data.signature import Port
from inputgrad_cli.formats.tables.cells import TRUTHS
from inputgrad_cli.formats.tables.dialect import is_word as is_word_beside
from inputgrad_cli.formats.tables.dialect import number
from inputgrad_cli.formats.tables.text_header import heads_texts

COUNTED = 3  # columns; a shorter row may well begin 0, 1 by chance
SURE = 10  # columns that are counted from 0 by no chance


def is_header(
    rows: Sequence[Sequence[str]], ports: Sequence[Port], columns: Sequence[str] = ()
) -> bool:
    """Return whether the first of the `rows` of a table names its columns.

    It does where it has an input's name or all of `columns`, or a word above numbers; a word above
    words may be a name or an id.
    """
    first, below = rows[0], rows[1:]
    cells = {cell.strip() for cell in first}
    if cells & {port.name for port in ports} or (columns and cells >= set(columns)):
        return True
    if all(port.kind == "text" for port in ports):
        return heads_texts(first, below)
    places = list(_tested(first, ports))
    words = [place for place in places if is_word(first[place], ports)]
    numeric = [place for place in places if holds_numbers(below, place, ports)]
    if set(words) & set(numeric):
        return True
    if numeric:
        return _is_counted([first[place].strip() for place in numeric], below, numeric)
    return bool(words)


def _tested(first: Sequence[str], ports: Sequence[Port]) -> Iterator[int]:
    """Yield the columns where a word can only be a name: those that no text input takes."""
    for place in range(len(first)):
        if len(ports) != len(first) or ports[place].kind != "text":
            yield place


def is_word(cell: str, ports: Sequence[Port]) -> bool:
    """Return whether a cell holds neither a value of a number, nor nothing."""
    return is_word_beside(cell, _truths(ports))


def holds_numbers(rows: Sequence[Sequence[str]], place: int, ports: Sequence[Port]) -> bool:
    """Return whether some cell of a column is a number, or a truth where an input takes them."""
    truths = _truths(ports)
    cells = (row[place] for row in rows if place < len(row))
    return any(
        number(cell) is not None or number(cell, ",") is not None or cell.strip().lower() in truths
        for cell in cells
    )


def holds_words(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Return whether some cell of a column is a word, neither a number nor empty."""
    return any(is_word_beside(row[place]) for row in rows if place < len(row))


def _truths(ports: Sequence[Port]) -> frozenset[str]:
    return frozenset(TRUTHS) if any(port.kind == "bool" for port in ports) else frozenset()


def _is_counted(
    cells: Sequence[str], below: Sequence[Sequence[str]], places: Sequence[int]
) -> bool:
    """Return whether the cells are 0, 1, 2, ... as tables of arrays are headed, and not values."""
    if len(cells) < COUNTED or list(cells) != [str(place) for place in range(len(cells))]:
        return False
    values = [row[place].strip() for row in below for place in places if place < len(row)]
    if any(not value.lstrip("+-").isdecimal() for value in values):
        return True
    going_on = [str(len(cells) + place) for place in range(len(cells))]
    return len(cells) >= SURE and values[: len(cells)] != going_on
