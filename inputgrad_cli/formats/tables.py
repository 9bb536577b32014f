"""Tables: one sample a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import ItemError
from inputgrad_cli.signature import Port

SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True)
class Table:
    """Cells as float64 (N, columns), NaN in the rows that failed; the header, if there is one."""

    values: Array
    header: tuple[str, ...]
    failed: dict[int, ItemError]


def read_table(data: bytes, delimiter: str, where: str) -> Table:
    """Return the table; a first row with a word in it is the header.

    Raises ItemError (kinds `unreadable`, `empty`); a bad row fails alone, with line and column.
    """
    try:
        text = data.decode("utf-8-sig")
        lines = list(_lines(text, delimiter))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ItemError(
            f"{where}: not a text table", reason=str(error), kind="unreadable"
        ) from None
    if not lines:
        raise ItemError(f"{where}: the table is empty", kind="empty")
    header: tuple[str, ...] = ()
    if any(_number(cell) is None for cell in lines[0][1]):
        header = tuple(cell.strip() for cell in lines.pop(0)[1])
    if not lines:
        raise ItemError(f"{where}: the table has a header and no rows", kind="empty")
    width = len(header) or len(lines[0][1])
    failed: dict[int, ItemError] = {}
    values = np.full((len(lines), width), np.nan)
    for row, (line, cells) in enumerate(lines):
        try:
            values[row] = _row(cells, width, header, f"{where}:{line}")
        except ItemError as error:
            failed[row] = error
    return Table(values, header, failed)


def _lines(text: str, delimiter: str) -> Sequence[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]


def _row(cells: list[str], width: int, header: Sequence[str], where: str) -> list[float]:
    if len(cells) != width:
        raise ItemError(f"{where}: {len(cells)} columns, not {width}", kind="table")
    out = []
    for column, cell in enumerate(cells):
        number = _number(cell)
        if number is None:
            name = f" ({header[column]})" if header else ""
            raise ItemError(
                f"{where}:{column + 1}: {cell!r} in column {column + 1}{name} is not a number",
                kind="table",
            )
        out.append(number)
    return out


def _number(cell: str) -> float | None:
    # float() also takes 1_000, which in a table is a slip of the pen.
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def feed(table: Table, ports: Sequence[Port], where: str) -> dict[str, Array]:
    """Return the columns by model input: all to the only one, or one a row to each by its name."""
    if len(ports) == 1:
        return {ports[0].name: _reorder(table, ports[0], where)}
    names = {name: column for column, name in enumerate(table.header)}
    missing = [port.name for port in ports if port.name not in names]
    if missing or any(port.shape not in ((), (1,)) for port in ports):
        wanted = ", ".join(str(port) for port in ports)
        raise ItemError(
            f"{where}: a table cannot feed the inputs {wanted}",
            reason="each must take one value a row, from the column of its name",
            mend="give one file for each input: -i NAME=FILE",
            kind="shape",
        )
    tails: dict[str, tuple[int, ...]] = {p.name: (1,) if p.shape else () for p in ports}
    return {name: table.values[:, names[name]].reshape((-1, *tail)) for name, tail in tails.items()}


def _reorder(table: Table, port: Port, where: str) -> Array:
    shape = port.shape
    width = table.values.shape[1]
    if shape is None or not all(shape) or np.prod([d or 0 for d in shape]) != width:
        raise ItemError(f"{where}: {width} columns do not fit input {port}", kind="shape")
    return table.values.reshape((-1, *(d or 0 for d in shape)))


def write_table(header: Sequence[str], values: Array) -> bytes:
    """Return the values (N, columns) as CSV, under `header` where there is one."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows([[repr(float(v)) for v in row] for row in values])
    return out.getvalue().encode()
