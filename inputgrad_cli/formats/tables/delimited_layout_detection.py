"""Opens a table of text: detects its delimiter, its decimal mark, its header and its columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import TextIO

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.tables.column_assignment import UNUSED_NOTE, assign_columns
from inputgrad_cli.formats.tables.column_names import Heading
from inputgrad_cli.formats.tables.delimited_rows import Line, Table, TableRequest
from inputgrad_cli.formats.tables.delimiter_and_decimal_detection import Dialect, detect_decimal
from inputgrad_cli.formats.tables.header_row_detection import has_numbers, has_words, is_header
from inputgrad_cli.formats.tables.text_table_header_detection import may_be_text_header

NO_FIT, PARTIAL_FIT, FULL_FIT = range(3)  # ranks of how well columns fit the inputs
# The format is detected from at most so many rows and cells.
MAX_PREVIEW_ROWS, MAX_PREVIEW_CELLS = 1000, 1 << 16


@dataclass(frozen=True)
class Preview:
    """The first lines of a table, read with one dialect."""

    dialect: Dialect
    lines: list[Line]

    @property
    def width(self) -> int:
        """Return the number of columns, or 0 if the lines have different numbers."""
        widths = {len(line.cells) for line in self.lines}
        return widths.pop() if len(widths) == 1 else 0


def open_table(text: TextIO, request: TableRequest) -> Table:
    """Return the table of a text. Raises ItemError (kinds `empty`, `shape`, `unreadable`)."""
    preview = _choose_preview(text, request)
    table = _build_table(preview, request)
    text.seek(0)
    lines = _read_lines(text, table.dialect, request.where)
    return replace(table, lines=islice(lines, 1 if table.columns.names else 0, None))


def _choose_preview(text: TextIO, request: TableRequest) -> Preview:
    """Return the first lines, read with the delimiter by which they fit the inputs best.

    If none fits, the delimiter of the most columns is chosen, so that the error names them.
    """
    default, others = request.delimiters[0], request.delimiters[1:]
    best = _read_preview(text, default, request.where)
    rank, even = _rank_preview(best, request), best.width > 0
    for delimiter in others if rank < FULL_FIT else ():
        with suppress(ItemError):
            preview = _read_preview(text, delimiter, request.where)
            # 7,2 is a fraction in a single column, but not if commas are delimiters.
            other_rank = NO_FIT if even and preview.width == 1 else _rank_preview(preview, request)
            # With commas, 1,5;2,5 also begins and ends with a number, with a word between.
            min_width = 1 if rank else max(best.width, 1)
            if other_rank > rank or (other_rank == rank and preview.width > min_width):
                best, rank = preview, other_rank
    return best


def _read_preview(text: TextIO, delimiter: str, where: str) -> Preview:
    """Return the first lines of a table. Raises ItemError (kinds `empty`, `unreadable`)."""
    dialect = Dialect(delimiter)
    lines = _read_first_lines(text, dialect, where)
    if len(lines[0].cells) > 1 and all(cell[:1] == " " for cell in lines[0].cells[1:]):
        dialect = Dialect(delimiter, spaced=True)
        lines = _read_first_lines(text, dialect, where)
    decimal = detect_decimal([line.cells for line in lines], delimiter)
    return Preview(replace(dialect, decimal=decimal), lines)


def _read_first_lines(text: TextIO, dialect: Dialect, where: str) -> list[Line]:
    text.seek(0)
    lines = _read_lines(text, dialect, where)
    first = next(lines, None)
    if first is None:
        raise ItemError(f"{where}: the table is empty", kind="empty")
    # Tables of many columns are detected from fewer rows, but from 20 at least.
    count = max(20, min(MAX_PREVIEW_ROWS, MAX_PREVIEW_CELLS // len(first.cells)))
    return [first, *islice(lines, count)]


def _rank_preview(preview: Preview, request: TableRequest) -> int:
    """Return how well the columns fit: PARTIAL_FIT if some are unused, NO_FIT if no row fits."""
    try:
        table = _build_table(preview, request)
    except ItemError:
        return NO_FIT
    if not any(row.error is None for row in table.read_rows(request.where)):
        return NO_FIT
    return PARTIAL_FIT if UNUSED_NOTE in table.columns.notes else FULL_FIT


def _build_table(preview: Preview, request: TableRequest) -> Table:
    """Return the table of the first lines. Raises ItemError (kinds `empty`, `shape`)."""
    cells = [line.cells for line in preview.lines]
    has_header = is_header(cells, request.specs, request.columns)
    rows = cells[1:] if has_header else cells
    if not rows:
        raise ItemError(f"{request.where}: the table has a header and no rows", kind="empty")
    names = tuple(cell.strip() for cell in cells[0]) if has_header else ()
    indices = range(len(cells[0]))
    numeric = tuple(has_numbers(rows, index, request.specs) for index in indices)
    textual = tuple(has_words(rows, index) for index in indices)
    heading = Heading(request.where, names, numeric, request.columns, textual)
    columns = assign_columns(heading, request.specs)
    columns = replace(columns, notes={**columns.notes, **_note_header(cells, has_header, request)})
    lines = iter(preview.lines[1:] if has_header else preview.lines)
    return Table(heading.width, heading.format_names(), columns, preview.dialect, lines)


def _note_header(
    cells: Sequence[Sequence[str]], has_header: bool, request: TableRequest
) -> dict[str, str]:
    """Return a note on the first row if it could be a header or a sample."""
    names = [cell.strip() for cell in cells[0]]
    first = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    inputs = [spec.name for spec in request.specs]
    if has_header and all(name.isdecimal() or not name for name in names):
        return {"header-numbers": f"the first row ({first}) was taken for the names of the columns"}
    if any(spec.kind != "text" for spec in request.specs) or {*inputs, *request.columns} & {*names}:
        return {}
    if has_header:
        note = f"the first row ({first}) was taken for the names of the columns, not for texts"
        return {"header-words": f"{note}; if it is a text, put {inputs[0]!r} above it"}
    if may_be_text_header(names):
        note = f"the first row ({first}) was taken for texts, not for the names of the columns"
        return {"first-row-text": f"{note}; if it names them, write --columns {names[0]}"}
    return {}


def _read_lines(text: TextIO, dialect: Dialect, where: str) -> Iterator[Line]:
    reader = csv.reader(text, delimiter=dialect.delimiter, skipinitialspace=dialect.spaced)
    try:
        for cells in reader:
            if not _is_blank(cells):
                yield Line(reader.line_num, cells)
    except csv.Error as error:
        raise ItemError(
            f"{where}:{reader.line_num}: not a line of a table",
            reason=f"{error}; is a quote left open?",
            kind="unreadable",
        ) from None


def _is_blank(cells: Sequence[str]) -> bool:
    return not cells or (len(cells) == 1 and not cells[0].strip())
