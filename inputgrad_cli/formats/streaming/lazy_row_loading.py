"""Reads large files of many samples: checks them once, and loads rows when they are needed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import prod
from pathlib import Path

import numpy as np

from inputgrad_cli.data.model_input_conversion import FittedArray, find_sample_shape, fit_rows
from inputgrad_cli.data.samples import Samples, UnusedColumns, describe_layout
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.bounded_file_reading import (
    build_decode_error,
    build_read_error,
    detect_encoding,
    get_file_size,
    refuse_large,
)
from inputgrad_cli.formats.safe_npy_reading import NpyHeader, read_header, to_native_order
from inputgrad_cli.formats.streaming.hash_checked_file import LARGE_BYTES, open_content
from inputgrad_cli.formats.streaming.spill_file import SpillFile
from inputgrad_cli.formats.streaming.spilled_texts import TextSpill
from inputgrad_cli.formats.tables.delimited import DESCRIPTION, build_record
from inputgrad_cli.formats.tables.delimited_layout_detection import open_table
from inputgrad_cli.formats.tables.delimited_rows import Table, TableRequest, reshape_row
from inputgrad_cli.formats.tables.rows_to_samples import Row, build_unusable_error
from inputgrad_cli.interfaces.reader import LargeFile
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.lazy_array import build_lazy_array, split_rows

HEADER_BYTES = 1 << 16  # enough for any header; NumPy refuses those above 10,000 bytes
MAX_CELLS = 1 << 16  # cells of a table that are held as text at once


def refuse_large_texts(path: Path) -> None:
    """Raise ItemError for a `.npy` file of texts that do not fit into memory.

    Texts cannot be read in parts, so this check comes before the first pass over the file.
    """
    size = get_file_size(path)
    if size <= LARGE_BYTES:
        return
    try:
        with path.open("rb") as file:
            start = file.read(HEADER_BYTES)
    except OSError as error:
        raise build_read_error(path, error) from None
    if read_header(start, size, str(path)).dtype.kind not in "biuf":
        refuse_large(path, size)


def read_large_npy(data: LargeFile, spec: InputSpec, where: str) -> Samples | None:
    """Return the samples of a `.npy` file, or None if it must be held in memory.

    That is the case for a single sample, for texts, and for arrays in Fortran order.
    """
    header = read_header(data.read(0, HEADER_BYTES), data.size, where)
    shape, dtype = header.shape, header.dtype
    like = np.broadcast_to(np.zeros((), dtype), shape)
    if header.fortran or dtype.kind not in "biuf" or spec.kind == "text":
        return None
    sample, many = find_sample_shape(shape, spec, where)
    if not many or not like.size:
        return None
    rows = build_lazy_rows(data, header)
    fitted = FittedRows(rows, spec, sample, where)
    failed: dict[int, ItemError] = {}
    if spec.kind != "float":
        for start, stop in split_rows(shape, dtype.itemsize):
            failed.update(fitted.fit(start, stop).failed)
    kind = fit_rows(like[:1], spec, where).array.dtype
    arrays = {spec.name: build_lazy_array((shape[0], *sample), kind, fitted)}
    return Samples(arrays, many=True, failed=failed, record=describe_layout([spec]))


def build_lazy_rows(data: LargeFile, header: NpyHeader, offset: int = 0) -> Array:
    """Return the lazy array (N, ...) of a `.npy` file that begins at byte `offset` of another."""
    return build_lazy_array(header.shape, header.dtype, FileRows(data, header, offset))


@dataclass(frozen=True)
class FileRows:
    """Reads rows of a `.npy` file that begins at byte `offset` of another."""

    data: LargeFile
    header: NpyHeader
    offset: int

    def __call__(self, start: int, stop: int) -> Array:
        """Return the rows from `start` to `stop`, in the byte order of this machine."""
        shape, dtype = self.header.shape[1:], self.header.dtype
        first_byte, row_bytes = self.offset + self.header.start, prod(shape) * dtype.itemsize
        raw = self.data.read(first_byte + start * row_bytes, first_byte + stop * row_bytes)
        return to_native_order(np.frombuffer(raw, dtype).reshape(stop - start, *shape))


@dataclass(frozen=True)
class FittedRows:
    """Reads rows, samples of shape `sample`, in the type of an input; `where` names the file."""

    rows: Array
    spec: InputSpec
    sample: tuple[int, ...]
    where: str

    def __call__(self, start: int, stop: int) -> Array:
        """Return the rows from `start` to `stop`. Raises ItemError if the file has changed."""
        return self.fit(start, stop).array

    def fit(self, start: int, stop: int) -> FittedArray:
        """Return these rows with the errors of those that do not fit."""
        # A part of one row can look like a single sample, so its own shape decides nothing.
        rows = self.rows[start:stop].reshape(stop - start, *self.sample)
        return fit_rows(rows, self.spec, self.where, start)


def read_large_table(data: LargeFile, request: TableRequest, folder: Path | None) -> Samples | None:
    """Return the rows of a table as samples, or None if it must be held in memory.

    That is the case for texts and for a series. Numbers are stored in a file in `folder` while
    they are read.
    """
    if any(spec.kind == "text" for spec in request.specs):
        return None
    text = io.TextIOWrapper(open_content(data), detect_encoding(data.read(0, 2)), newline="")
    try:
        table = open_table(text, request)
        if table.columns.series:
            return None
        return replace(
            _spill_rows(table, request.where, folder), record=build_record(table, request)
        )
    except UnicodeDecodeError:
        raise build_decode_error(request.where, DESCRIPTION) from None


def _spill_rows(table: Table, where: str, folder: Path | None) -> Samples:
    columns = table.columns
    spill_files = {spec.name: SpillFile(folder) for spec in columns.specs}
    names = table.unused_names
    texts = TextSpill(folder) if names else None
    failed: dict[int, ItemError] = {}
    total, rows = 0, table.read_rows(where)
    while chunk := list(islice(rows, max(1, MAX_CELLS // table.width))):
        failed.update({total + n: row.error for n, row in enumerate(chunk) if row.error})
        for spec in columns.specs:
            spill_files[spec.name].append(
                _stack_rows(chunk, spec, len(columns.by_input[spec.name]))
            )
        if texts is not None:
            texts.append([row.unused for row in chunk])
        total += len(chunk)
    if len(failed) == total:
        raise build_unusable_error(total, failed[0], where)
    arrays = {
        spec.name: spill_files[spec.name].get_rows(0, (total, *filler.shape), filler.dtype)
        for spec in columns.specs
        for filler in [_build_filler(spec, len(columns.by_input[spec.name]))]
    }
    return Samples(
        arrays,
        many=True,
        header=columns.header,
        failed=failed,
        notes=columns.notes,
        unused=None if texts is None else UnusedColumns(names, texts.get_rows(len(names))),
    )


def _stack_rows(rows: Sequence[Row], spec: InputSpec, width: int) -> Array:
    filler = _build_filler(spec, width)
    values = [filler if row.error else row.values[spec.name] for row in rows]
    return np.stack(values).astype(filler.dtype, copy=False)


def _build_filler(spec: InputSpec, width: int) -> Array:
    """Return the values that replace a row that cannot be used: NaN, or 0."""
    if spec.kind != "float":
        return reshape_row(np.zeros(width, spec.dtype), spec)
    return reshape_row(np.full(width, np.nan, spec.float_dtype), spec)
