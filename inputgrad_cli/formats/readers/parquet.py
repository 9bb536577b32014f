"""Registers the reader of Parquet files, each row one sample."""

from __future__ import annotations

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.formats.tables.parquet import read_parquet
from inputgrad_cli.interfaces.reader import InputFile, Reader, ReadOptions, register


def read_parquet_file(file: InputFile, options: ReadOptions) -> Samples:
    """Return the rows of a file as samples."""
    return read_parquet(file.read_all(), options.specs, file.where, options.columns)


register(Reader((".parquet",), read_parquet_file, many=True, names_inputs=True))
