"""Reads tables of text: CSV and TSV files, and those with other delimiters."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from inputgrad_cli.data.samples import Samples, UnusedColumns, describe_layout
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.bounded_file_reading import decode_text
from inputgrad_cli.formats.tables.delimited_layout_detection import open_table
from inputgrad_cli.formats.tables.delimited_rows import Table, TableRequest
from inputgrad_cli.formats.tables.rows_to_samples import Row, gather_rows
from inputgrad_cli.numeric.array_helpers import Array

DESCRIPTION = "a table of UTF-8 text"


def read_table(data: bytes, request: TableRequest) -> Samples:
    """Return the rows as samples; `header` holds the names of the columns that are used.

    Raises ItemError (kinds `unreadable`, `empty`, `shape`, `table`). A bad row fails alone, with
    line and column, but a bad step fails its series.
    """
    text = io.StringIO(decode_text(data, request.where, DESCRIPTION), newline="")
    table = open_table(text, request)
    rows = list(table.read_rows(request.where))
    if table.columns.series:
        samples = _build_series(rows, table, request)
    else:
        samples = gather_rows(rows, request.specs, request.where)
    record = {**samples.record, **build_record(table, request)}
    return replace(
        samples,
        header=table.header,
        notes=table.columns.notes,
        record=record,
        unused=_gather_unused(rows, table),
    )


def _gather_unused(rows: Sequence[Row], table: Table) -> UnusedColumns | None:
    """Return the columns of the rows that feed no input, None if all feed one."""
    if not (names := table.unused_names):
        return None
    cells: Array = np.empty((len(rows), len(names)), object)
    cells[:] = [row.unused for row in rows]
    return UnusedColumns(names, cells)


def build_record(table: Table, request: TableRequest) -> dict[str, object]:
    """Return the dialect and the requested columns for the record, if they are not the defaults."""
    dialect, record = table.dialect, {}
    if (dialect.delimiter, dialect.decimal) != (request.delimiters[0], "."):
        record["table"] = dialect.record()
    return {**record, "columns": list(request.columns)} if request.columns else {**record}


def _build_series(rows: Sequence[Row], table: Table, request: TableRequest) -> Samples:
    """Return all rows as one sample, a series (T,) or (T, C)."""
    (spec,) = request.specs
    for row in rows:
        if row.error is not None:
            raise row.error
    length = (spec.shape or (None,))[0]
    if length is not None and len(rows) != length:
        width = len(table.columns.by_input[spec.name])
        count = prod(dim or 1 for dim in spec.shape or ())
        hint = "name those that feed it, in their order: --columns A,B"
        raise ItemError(
            f"{request.where}: {len(rows)} rows of {width} columns do not fit input {spec}",
            reason=f"one sample is a row of {count} values, or {length} rows, a row a step; "
            f"the columns are {table.column_list}",
            hint="" if request.columns else hint,
            kind="shape",
        )
    steps = np.stack([row.values[spec.name] for row in rows])
    array = steps.reshape(len(rows), *(spec.shape or ())[1:])
    return Samples({spec.name: array[np.newaxis]}, record=describe_layout([spec]))
