"""One cell of a table to one value of a model input."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.tables.dialect import number

FLOAT32_MAX = float(np.finfo(np.float32).max)
TRUTHS = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True)
class Spot:
    """Where a cell stands: file and line, column counted from 1, and the column's name.

    `decimal` is the decimal mark of its table.
    """

    line: str
    column: int
    name: str
    decimal: str = "."

    def error(self, cell: str, what: str) -> ItemError:
        """Return the error that names this cell."""
        name = f" ({self.name})" if self.name else ""
        short = cell if len(cell) <= 40 else cell[:40] + "…"
        return ItemError(
            f"{self.line}:{self.column}: {short!r} in column {self.column}{name} {what}",
            kind="table",
        )


def parse_cell(cell: str, port: Port, spot: Spot) -> float | int | bool | str:
    """Return the value of a cell for `port`; ItemError (kind `table`) names line and column."""
    if port.kind == "text":
        if "\0" in cell:
            raise spot.error(cell, "holds a NUL byte")
        return cell
    if port.kind == "bool":
        if (truth := TRUTHS.get(cell.strip().lower())) is None:
            raise spot.error(cell, "is not 0, 1, false or true")
        return truth
    return _float(cell, port, spot) if port.kind == "float" else _whole(cell, port, spot)


def _float(cell: str, port: Port, spot: Spot) -> float:
    value = number(cell, spot.decimal)
    if value is None:
        mark = "" if spot.decimal == "." else " with a decimal comma, as the first rows have it"
        raise spot.error(cell, f"is not a number{mark}")
    if not math.isfinite(value):
        raise spot.error(cell, "is not a finite number")
    if port.dtype != "float64" and abs(value) > FLOAT32_MAX:
        raise spot.error(cell, "is too large for a float32")
    return value


def _whole(cell: str, port: Port, spot: Spot) -> int:
    info = np.iinfo(port.dtype)
    value = number(cell, spot.decimal)
    if value is None or not math.isfinite(value) or value != math.floor(value):
        raise spot.error(cell, "is not a whole number")
    # Not by way of a float, which rounds above 2**53; but 3.0 and 1e3 are whole numbers too.
    digits = cell.strip().lstrip("+-")
    whole = int(cell) if digits.isdecimal() and len(digits) < 40 else int(value)
    if not info.min <= whole <= info.max:
        raise spot.error(cell, f"is not between {info.min} and {info.max}")
    return whole
