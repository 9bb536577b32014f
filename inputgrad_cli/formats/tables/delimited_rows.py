"""Parses the rows of a table of text: the cells of the columns that feed the inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.tables.cell_parsing import CellPosition, parse_cell
from inputgrad_cli.formats.tables.column_assignment import ColumnAssignment, to_step_columns
from inputgrad_cli.formats.tables.delimiter_and_decimal_detection import Dialect, to_decimal_point
from inputgrad_cli.formats.tables.rows_to_samples import Row
from inputgrad_cli.numeric.array_helpers import Array


@dataclass(frozen=True)
class TableRequest:
    """A request to read a table: its file, the inputs it feeds, and the columns of a vector.

    `delimiters` are the possible delimiters, the default first.
    """

    where: str
    delimiters: str
    specs: tuple[InputSpec, ...]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One row of a table, and the number of the line on which it ends."""

    line_number: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """A table of `width` columns, of which `columns` says which ones feed which input.

    `lines` are the lines below the header. `column_list` names all columns for messages.
    """

    width: int
    column_list: str
    columns: ColumnAssignment
    dialect: Dialect
    lines: Iterator[Line]

    @property
    def header(self) -> tuple[str, ...]:
        """Return the names of the columns that are used."""
        return self.columns.header

    @property
    def unused_names(self) -> tuple[str, ...]:
        """Return the names of the columns that feed no input; their positions without a header."""
        names = self.columns.names
        return tuple(names[i] if names else str(i + 1) for i in self.columns.unused)

    def read_rows(self, where: str) -> Iterator[Row]:
        """Yield the samples, or the steps of a series.

        The error of a bad row names its line and column.
        """
        columns = to_step_columns(self.columns) if self.columns.series else self.columns
        return (self._read_row(line, columns, where) for line in self.lines)

    def _read_row(self, line: Line, columns: ColumnAssignment, where: str) -> Row:
        location = f"{where}:{line.line_number}"
        unused = self._take_unused(line)
        try:
            if len(line.cells) != self.width:
                raise ItemError(
                    f"{location}: {len(line.cells)} columns, not {self.width}", kind="table"
                )
            values = {p.name: self._parse_values(line, p, columns, location) for p in columns.specs}
            return Row(location, values, unused=unused)
        except ItemError as error:
            return Row(location, {}, error, unused)

    def _take_unused(self, line: Line) -> tuple[str, ...]:
        """Return the cells that feed no input; those that a short line lacks are empty."""
        cells, count = line.cells, len(line.cells)
        return tuple(cells[index] if index < count else "" for index in self.columns.unused)

    def _parse_values(
        self, line: Line, spec: InputSpec, columns: ColumnAssignment, location: str
    ) -> Array:
        indices, decimal = columns.by_input[spec.name], self.dialect.decimal
        cells = [line.cells[index] for index in indices]
        array = _parse_floats(cells, spec, decimal) if spec.kind == "float" else None
        if array is None:
            names = columns.names
            positions = [
                CellPosition(location, n + 1, names[n] if names else "", decimal) for n in indices
            ]
            values = [
                parse_cell(cell, spec, position)
                for cell, position in zip(cells, positions, strict=True)
            ]
            array = np.asarray(values, "U" if spec.kind == "text" else spec.dtype)
        return reshape_row(array, spec)


def reshape_row(values: Array, spec: InputSpec) -> Array:
    """Return a row of values in the shape of one sample."""
    return values.reshape([dim or -1 for dim in spec.shape] if spec.shape is not None else -1)


def _parse_floats(cells: Sequence[str], spec: InputSpec, decimal: str) -> Array | None:
    """Return a row of finite numbers, or None if the cells must be parsed one by one."""
    texts = cells if decimal == "." else [to_decimal_point(cell, decimal) for cell in cells]
    try:
        with np.errstate(over="ignore"):
            array = np.array([float(cell) for cell in texts], spec.float_dtype)
    except ValueError:
        return None
    is_finite = bool(np.isfinite(array).all()) and not any("_" in cell for cell in cells)
    return array if is_finite else None
