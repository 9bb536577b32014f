"""Tables: one sample a row, cells separated by a comma or a tab."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TextIO

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.cells import Spot, parse_cell
from inputgrad_cli.formats.columns import Columns, assign, is_header
from inputgrad_cli.formats.files import text_of
from inputgrad_cli.formats.rows import Row, gather
from inputgrad_cli.sample import Samples
from inputgrad_cli.signature import Port

DELIMITERS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = tuple(DELIMITERS)
WHAT = "a table of UTF-8 text"


@dataclass(frozen=True)
class Line:
    """One row of a table, and the line of the file on which it ends."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """What the first lines of a table tell: which of its `width` columns feed which input.

    `lines` are those of the samples.
    """

    header: tuple[str, ...]
    width: int
    columns: Columns
    lines: Iterator[Line]

    def rows(self, where: str) -> Iterator[Row]:
        """Yield the samples; a bad row is told with line and column."""
        return (_row(line, self.width, self.columns, where) for line in self.lines)


def read_table(data: bytes, delimiter: str, ports: Sequence[Port], where: str) -> Samples:
    """Return the rows as samples; `header` are the columns used, where the table names them.

    Raises ItemError (kinds `unreadable`, `empty`, `shape`); a bad row fails alone, with line and
    column.
    """
    text = io.StringIO(text_of(data, where, WHAT), newline="")
    table = begun(text, delimiter, ports, where)
    samples = gather(list(table.rows(where)), ports, where)
    return replace(samples, header=table.columns.header, notes=table.columns.notes)


def begun(text: TextIO, delimiter: str, ports: Sequence[Port], where: str) -> Table:
    """Return the table that a text begins; ItemError (kinds `empty`, `shape`)."""
    lines = _lines(text, delimiter, where)
    first = next(lines, None)
    if first is None:
        raise ItemError(f"{where}: the table is empty", kind="empty")
    header: tuple[str, ...] = ()
    if is_header(first.cells, ports):
        header = tuple(cell.strip() for cell in first.cells)
        first = next(lines, None)
    if first is None:
        raise ItemError(f"{where}: the table has a header and no rows", kind="empty")
    width = len(header) or len(first.cells)
    return Table(header, width, assign(header, width, ports, where), chain([first], lines))


def _lines(text: TextIO, delimiter: str, where: str) -> Iterator[Line]:
    reader = csv.reader(text, delimiter=delimiter)
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


def _row(line: Line, width: int, columns: Columns, where: str) -> Row:
    place = f"{where}:{line.number}"
    try:
        if len(line.cells) != width:
            raise ItemError(f"{place}: {len(line.cells)} columns, not {width}", kind="table")
        return Row(place, {p.name: _values(line, p, columns, place) for p in columns.ports})
    except ItemError as error:
        return Row(place, {}, error)


def _values(line: Line, port: Port, columns: Columns, place: str) -> Array:
    cells = [line.cells[number] for number in columns.of[port.name]]
    array = _floats(cells, port) if port.kind == "float" else None
    if array is None:
        names = columns.names
        spots = [Spot(place, n + 1, names[n] if names else "") for n in columns.of[port.name]]
        found = [parse_cell(cell, port, spot) for cell, spot in zip(cells, spots, strict=True)]
        array = np.asarray(found, "U" if port.kind == "text" else port.dtype)
    return as_sample(array, port)


def as_sample(values: Array, port: Port) -> Array:
    """Return a row of values in the shape of one sample."""
    return values.reshape([dim or -1 for dim in port.shape] if port.shape is not None else -1)


def _floats(cells: Sequence[str], port: Port) -> Array | None:
    """Return a row of good numbers at once, None where the cells must be looked at one by one."""
    try:
        with np.errstate(over="ignore"):
            dtype = np.float64 if port.dtype == "float64" else np.float32
            array = np.array([float(cell) for cell in cells], dtype)
    except ValueError:
        return None
    plain = bool(np.isfinite(array).all()) and not any("_" in cell for cell in cells)
    return array if plain else None


def write_table(header: Sequence[str], values: Array) -> bytes:
    """Return the values (N, columns) as CSV, under `header` where there is one."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows(np.asarray(values, np.float64).tolist())  # floats are written as by repr
    return out.getvalue().encode()
