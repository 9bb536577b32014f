"""Parses a cell of a table as a value of a model input."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.tables.delimiter_and_decimal_detection import parse_number

FLOAT32_MAX = float(np.finfo(np.float32).max)
BOOLEANS = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True)
class CellPosition:
    """The position of a cell: file and line, column counted from 1, and name of the column.

    `decimal` is the decimal mark of its table.
    """

    line: str
    column: int
    name: str
    decimal: str = "."

    def build_error(self, cell: str, problem: str) -> ItemError:
        """Return the ItemError for this cell, with its line and column."""
        name = f" ({self.name})" if self.name else ""
        shown = cell if len(cell) <= 40 else cell[:40] + "…"
        return ItemError(
            f"{self.line}:{self.column}: {shown!r} in column {self.column}{name} {problem}",
            kind="table",
        )


def parse_cell(cell: str, spec: InputSpec, position: CellPosition) -> float | int | bool | str:
    """Return the value of a cell for the input. Raises ItemError (kind `table`)."""
    if spec.kind == "text":
        if "\0" in cell:
            raise position.build_error(cell, "holds a NUL byte")
        return cell
    if spec.kind == "bool":
        if (value := BOOLEANS.get(cell.strip().lower())) is None:
            raise position.build_error(cell, "is not 0, 1, false or true")
        return value
    return (
        _parse_float(cell, spec, position)
        if spec.kind == "float"
        else _parse_integer(cell, spec, position)
    )


def _parse_float(cell: str, spec: InputSpec, position: CellPosition) -> float:
    value = parse_number(cell, position.decimal)
    if value is None:
        mark = "" if position.decimal == "." else " with a decimal comma, as the first rows have it"
        raise position.build_error(cell, f"is not a number{mark}")
    if not math.isfinite(value):
        raise position.build_error(cell, "is not a finite number")
    if spec.dtype != "float64" and abs(value) > FLOAT32_MAX:
        raise position.build_error(cell, "is too large for a float32")
    return value


def _parse_integer(cell: str, spec: InputSpec, position: CellPosition) -> int:
    info = np.iinfo(spec.dtype)
    value = parse_number(cell, position.decimal)
    if value is None or not math.isfinite(value) or value != math.floor(value):
        raise position.build_error(cell, "is not a whole number")
    # A float would round above 2**53, so it is used only for integers such as 3.0 and 1e3.
    digits = cell.strip().lstrip("+-")
    # int() refuses thousands of digits, and 40 are out of range already.
    integer = int(cell) if digits.isdecimal() and len(digits) < 40 else int(value)
    if not info.min <= integer <= info.max:
        raise position.build_error(cell, f"is not between {info.min} and {info.max}")
    return integer
