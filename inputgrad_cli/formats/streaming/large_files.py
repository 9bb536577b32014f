"""Large files of many samples: gone through once, and read in parts when the model wants them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from math import prod
from pathlib import Path

import numpy as np

from inputgrad_cli.data.samples import Samples, fit, fitting, layout
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.files import encoding_of, no_text, refuse_large, size_of, unreadable
from inputgrad_cli.formats.npy import Header, native, read_header
from inputgrad_cli.formats.streaming.hashed_file import LARGE, Blocks, file_of
from inputgrad_cli.formats.streaming.spill_file import Spool
from inputgrad_cli.formats.tables.delimited import WHAT, Ask, Table, as_sample, begun, recorded
from inputgrad_cli.formats.tables.rows import Row, useless
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.numeric.lazy_array import ranges, stored

HEADER = 1 << 16  # bytes; NumPy believes no header above 10,000
CELLS = 1 << 16  # of a table that are in memory as text


def refuse_texts(path: Path) -> None:
    """Raise ItemError for a `.npy` file of texts that memory has no room for.

    Texts cannot be read in parts: it is told before the whole file is gone through.
    """
    size = size_of(path)
    if size <= LARGE:
        return
    try:
        with path.open("rb") as file:
            start = file.read(HEADER)
    except OSError as error:
        raise unreadable(path, error) from None
    if read_header(start, size, str(path)).dtype.kind not in "biuf":
        refuse_large(path, size)


def large_npy(data: Blocks, port: Port, where: str) -> Samples | None:
    """Return the samples of a `.npy` file, None where it must be held whole.

    That is one sample, texts, or an array whose samples do not stand one after the other.
    """
    header = read_header(data.read(0, HEADER), data.size, where)
    shape, dtype = header.shape, header.dtype
    like = np.broadcast_to(np.zeros((), dtype), shape)
    if header.fortran or dtype.kind not in "biuf" or port.kind == "text":
        return None
    sample, many = fitting(shape, port, where)
    if not many or not like.size:
        return None
    rows = rows_of(data, header)

    def read(start: int, stop: int) -> Array:
        return fit(rows[start:stop], port, where, start).array

    failed: dict[int, ItemError] = {}
    if port.kind != "float":
        for start, stop in ranges(shape, dtype.itemsize):
            failed.update(fit(rows[start:stop], port, where, start).failed)
    kind = fit(like[:1], port, where).array.dtype
    arrays = {port.name: stored((shape[0], *sample), kind, read)}
    return Samples(arrays, many=True, failed=failed, record=layout([port]))


def rows_of(data: Blocks, header: Header, offset: int = 0) -> Array:
    """Return the array (N, ...) of a `.npy` file that begins at byte `offset` of a large one."""
    begin, row = offset + header.start, prod(header.shape[1:]) * header.dtype.itemsize

    def read(start: int, stop: int) -> Array:
        raw = data.read(begin + start * row, begin + stop * row)
        found = np.frombuffer(raw, header.dtype).reshape(stop - start, *header.shape[1:])
        return native(found)

    return stored(header.shape, header.dtype, read)


def large_table(data: Blocks, ask: Ask, folder: Path | None) -> Samples | None:
    """Return the rows of a table as samples, None where it must be held whole.

    That is one of texts, or a series.

    Numbers are put aside in `folder` as they are read.
    """
    if any(port.kind == "text" for port in ask.ports):
        return None
    text = io.TextIOWrapper(file_of(data), encoding_of(data.read(0, 2)), newline="")
    try:
        table = begun(text, ask)
        if table.columns.series:
            return None
        return replace(_put_aside(table, ask.where, folder), record=recorded(table, ask))
    except UnicodeDecodeError:
        raise no_text(ask.where, WHAT) from None


def _put_aside(table: Table, where: str, folder: Path | None) -> Samples:
    columns = table.columns
    spools = {port.name: Spool(folder) for port in columns.ports}
    failed: dict[int, ItemError] = {}
    total, rows = 0, table.rows(where)
    while some := list(islice(rows, max(1, CELLS // table.width))):
        failed.update({total + n: row.error for n, row in enumerate(some) if row.error})
        for port in columns.ports:
            spools[port.name].add(_stacked(some, port, len(columns.of[port.name])))
        total += len(some)
    if len(failed) == total:
        raise useless(total, failed[0], where)
    arrays = {
        port.name: spools[port.name].array(0, (total, *nothing.shape), nothing.dtype)
        for port in columns.ports
        for nothing in [_nothing(port, len(columns.of[port.name]))]
    }
    return Samples(arrays, many=True, header=columns.header, failed=failed, notes=columns.notes)


def _stacked(rows: Sequence[Row], port: Port, width: int) -> Array:
    filler = _nothing(port, width)
    found = [filler if row.error else row.values[port.name] for row in rows]
    return np.stack(found).astype(filler.dtype, copy=False)


def _nothing(port: Port, width: int) -> Array:
    """Return what stands for a row that cannot be used: NaN, or 0."""
    if port.kind != "float":
        return as_sample(np.zeros(width, port.dtype), port)
    dtype = np.float64 if port.dtype == "float64" else np.float32
    return as_sample(np.full(width, np.nan, dtype), port)
