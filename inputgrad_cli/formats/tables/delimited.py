"""Tables: one sample a row, or one series, in cells that a comma or another mark separates."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from math import prod
from typing import TextIO

import numpy as np

from inputgrad_cli.data.samples import Samples, layout
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.files import text_of
from inputgrad_cli.formats.tables.cells import Spot, parse_cell
from inputgrad_cli.formats.tables.columns import UNUSED, Columns, Heading, assign, row_of
from inputgrad_cli.formats.tables.dialect import Dialect, decimal_of, pointed
from inputgrad_cli.formats.tables.header import holds_numbers, holds_words, is_header
from inputgrad_cli.formats.tables.rows import Row, gather
from inputgrad_cli.formats.tables.text_header import may_head_texts
from inputgrad_cli.numeric.arrays import Array

DELIMITERS = {".csv": ",;\t|", ".tsv": "\t,;|"}  # the usual one first
SUFFIXES = tuple(DELIMITERS)
WHAT = "a table of UTF-8 text"
NOT, PART, WHOLE = range(3)
ROWS, CELLS = 1000, 1 << 16  # that are looked at before a table is read


@dataclass(frozen=True)
class Ask:
    """What is asked of a table: its file, the inputs it feeds, the columns named for a vector.

    `delimiters` are those that it may have, the usual one first.
    """

    where: str
    delimiters: str
    ports: tuple[Port, ...]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One row of a table, and the line of the file on which it ends."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Look:
    """The first lines of a table, read in one dialect."""

    dialect: Dialect
    lines: list[Line]

    @property
    def width(self) -> int:
        """Return the number of columns, 0 where the lines do not agree on it."""
        widths = {len(line.cells) for line in self.lines}
        return widths.pop() if len(widths) == 1 else 0


@dataclass(frozen=True)
class Table:
    """What the first lines of a table tell: which of its `width` columns feed which input.

    `lines` are those of the samples, `listed` are all columns as a message gives them.
    """

    width: int
    listed: str
    columns: Columns
    dialect: Dialect
    lines: Iterator[Line]

    @property
    def header(self) -> tuple[str, ...]:
        """Return the names of the columns that are used."""
        return self.columns.header

    def rows(self, where: str) -> Iterator[Row]:
        """Yield the samples, or the steps of a series; a bad row is told with line and column."""
        columns = row_of(self.columns) if self.columns.series else self.columns
        return (self._row(line, columns, where) for line in self.lines)

    def _row(self, line: Line, columns: Columns, where: str) -> Row:
        place = f"{where}:{line.number}"
        try:
            if len(line.cells) != self.width:
                raise ItemError(
                    f"{place}: {len(line.cells)} columns, not {self.width}", kind="table"
                )
            values = {p.name: self._values(line, p, columns, place) for p in columns.ports}
            return Row(place, values)
        except ItemError as error:
            return Row(place, {}, error)

    def _values(self, line: Line, port: Port, columns: Columns, place: str) -> Array:
        places, decimal = columns.of[port.name], self.dialect.decimal
        cells = [line.cells[number] for number in places]
        array = _floats(cells, port, decimal) if port.kind == "float" else None
        if array is None:
            names = columns.names
            spots = [Spot(place, n + 1, names[n] if names else "", decimal) for n in places]
            found = [parse_cell(cell, port, spot) for cell, spot in zip(cells, spots, strict=True)]
            array = np.asarray(found, "U" if port.kind == "text" else port.dtype)
        return as_sample(array, port)


def read_table(data: bytes, ask: Ask) -> Samples:
    """Return the rows as samples; `header` are the columns used, where the table names them.

    Raises ItemError (kinds `unreadable`, `empty`, `shape`, `table`); a bad row fails alone, with
    line and column, but a bad step fails its series.
    """
    text = io.StringIO(text_of(data, ask.where, WHAT), newline="")
    table = begun(text, ask)
    rows = list(table.rows(ask.where))
    series = table.columns.series
    samples = _series(rows, table, ask) if series else gather(rows, ask.ports, ask.where)
    record = {**samples.record, **recorded(table, ask)}
    return replace(samples, header=table.header, notes=table.columns.notes, record=record)


def recorded(table: Table, ask: Ask) -> dict[str, object]:
    """Return for the record how the table was read, where that is not the usual way."""
    dialect, record = table.dialect, {}
    if (dialect.delimiter, dialect.decimal) != (ask.delimiters[0], "."):
        record["table"] = {"delimiter": dialect.delimiter, "decimal": dialect.decimal}
    return {**record, "columns": list(ask.columns)} if ask.columns else {**record}


def _series(rows: Sequence[Row], table: Table, ask: Ask) -> Samples:
    """Return all rows as the one sample of a series (T,) or (T, C)."""
    (port,) = ask.ports
    for row in rows:
        if row.error is not None:
            raise row.error
    length = (port.shape or (None,))[0]
    if length is not None and len(rows) != length:
        width, numbers = (
            len(table.columns.of[port.name]),
            prod(dim or 1 for dim in port.shape or ()),
        )
        raise ItemError(
            f"{ask.where}: {len(rows)} rows of {width} columns do not fit input {port}",
            reason=f"one sample is a row of {numbers} values, or {length} rows, a row a step; "
            f"the columns are {table.listed}",
            mend="" if ask.columns else "name those that feed it, in their order: --columns A,B",
            kind="shape",
        )
    steps = np.stack([row.values[port.name] for row in rows])
    array = steps.reshape(len(rows), *(port.shape or ())[1:])
    return Samples({port.name: array[np.newaxis]}, record=layout([port]))


def begun(text: TextIO, ask: Ask) -> Table:
    """Return the table that a text begins; ItemError (kinds `empty`, `shape`, `unreadable`)."""
    look = _chosen(text, ask)
    table = _table(look, ask)
    text.seek(0)
    lines = _lines(text, table.dialect, ask.where)
    return replace(table, lines=islice(lines, 1 if table.columns.names else 0, None))


def _chosen(text: TextIO, ask: Ask) -> Look:
    """Return the first lines, read with the delimiter by which they fit the inputs best.

    Where none fits, that of the most columns is taken, so that the error tells of these.
    """
    usual, others = ask.delimiters[0], ask.delimiters[1:]
    best = _look(text, usual, ask.where)
    rank, even = _rank(best, ask), best.width > 0
    for delimiter in others if rank < WHOLE else ():
        with suppress(ItemError):
            look = _look(text, delimiter, ask.where)
            # In one column 7,2 is a fraction, but not where commas make columns of it.
            found = NOT if even and look.width == 1 else _rank(look, ask)
            # 1,5;2,5 also has a first and a last number, with a word between them.
            if found > rank or (found == rank and look.width > (1 if rank else max(best.width, 1))):
                best, rank = look, found
    return best


def _look(text: TextIO, delimiter: str, where: str) -> Look:
    """Return the first lines of a table; ItemError (kinds `empty`, `unreadable`)."""
    dialect = Dialect(delimiter)
    lines = _first_lines(text, dialect, where)
    if len(lines[0].cells) > 1 and all(cell[:1] == " " for cell in lines[0].cells[1:]):
        dialect = Dialect(delimiter, spaced=True)
        lines = _first_lines(text, dialect, where)
    return Look(replace(dialect, decimal=decimal_of([x.cells for x in lines], delimiter)), lines)


def _first_lines(text: TextIO, dialect: Dialect, where: str) -> list[Line]:
    text.seek(0)
    lines = _lines(text, dialect, where)
    first = next(lines, None)
    if first is None:
        raise ItemError(f"{where}: the table is empty", kind="empty")
    return [first, *islice(lines, max(20, min(ROWS, CELLS // len(first.cells))))]


def _rank(look: Look, ask: Ask) -> int:
    """Return how well the columns fit: WHOLE, PART where some are left out, NOT if no row does."""
    try:
        table = _table(look, ask)
    except ItemError:
        return NOT
    if not any(row.error is None for row in table.rows(ask.where)):
        return NOT
    return PART if UNUSED in table.columns.notes else WHOLE


def _table(look: Look, ask: Ask) -> Table:
    """Return the table of the lines that were looked at; ItemError (kinds `empty`, `shape`)."""
    cells = [line.cells for line in look.lines]
    named = is_header(cells, ask.ports, ask.columns)
    below = cells[1:] if named else cells
    if not below:
        raise ItemError(f"{ask.where}: the table has a header and no rows", kind="empty")
    names = tuple(cell.strip() for cell in cells[0]) if named else ()
    places = range(len(cells[0]))
    numeric = tuple(holds_numbers(below, place, ask.ports) for place in places)
    wordy = tuple(holds_words(below, place) for place in places)
    heading = Heading(ask.where, names, numeric, ask.columns, wordy)
    columns = assign(heading, ask.ports)
    columns = replace(columns, notes={**columns.notes, **_header_notes(cells, named, ask)})
    lines = iter(look.lines[1:] if named else look.lines)
    return Table(heading.width, heading.listed(), columns, look.dialect, lines)


def _header_notes(cells: Sequence[Sequence[str]], named: bool, ask: Ask) -> dict[str, str]:
    """Return what is to be known of the first row where its reading was a guess."""
    names = [cell.strip() for cell in cells[0]]
    first = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    inputs = [port.name for port in ask.ports]
    if named and all(name.isdecimal() or not name for name in names):
        return {"header-numbers": f"the first row ({first}) was taken for the names of the columns"}
    if any(port.kind != "text" for port in ask.ports) or {*inputs, *ask.columns} & {*names}:
        return {}
    if named:
        note = f"the first row ({first}) was taken for the names of the columns, not for texts"
        return {"header-words": f"{note}; if it is a text, put {inputs[0]!r} above it"}
    if may_head_texts(names):
        note = f"the first row ({first}) was taken for texts, not for the names of the columns"
        return {"first-row-text": f"{note}; if it names them, write --columns {names[0]}"}
    return {}


def _lines(text: TextIO, dialect: Dialect, where: str) -> Iterator[Line]:
    reader = csv.reader(text, delimiter=dialect.delimiter, skipinitialspace=dialect.spaced)
    try:
        for cells in reader:
            if not _blank(cells):
                yield Line(reader.line_num, cells)
    except csv.Error as error:
        raise ItemError(
            f"{where}:{reader.line_num}: not a line of a table",
            reason=f"{error}; is a quote left open?",
            kind="unreadable",
        ) from None


def _blank(cells: Sequence[str]) -> bool:
    return not cells or (len(cells) == 1 and not cells[0].strip())


def as_sample(values: Array, port: Port) -> Array:
    """Return a row of values in the shape of one sample."""
    return values.reshape([dim or -1 for dim in port.shape] if port.shape is not None else -1)


def _floats(cells: Sequence[str], port: Port, decimal: str) -> Array | None:
    """Return a row of good numbers at once, None where the cells must be looked at one by one."""
    plain = cells if decimal == "." else [pointed(cell, decimal) for cell in cells]
    try:
        with np.errstate(over="ignore"):
            dtype = np.float64 if port.dtype == "float64" else np.float32
            array = np.array([float(cell) for cell in plain], dtype)
    except ValueError:
        return None
    good = bool(np.isfinite(array).all()) and not any("_" in cell for cell in cells)
    return array if good else None


def write_table(header: Sequence[str], values: Array) -> bytes:
    """Return the values (N, columns) as CSV, under `header` where there is one."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows(np.asarray(values, np.float64).tolist())  # floats are written as by repr
    return out.getvalue().encode()
