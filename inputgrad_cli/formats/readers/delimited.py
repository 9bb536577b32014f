"""Registers the readers of tables of text, which differ in the delimiters that are tried."""

from __future__ import annotations

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.formats.streaming.lazy_row_loading import read_large_table
from inputgrad_cli.formats.tables.column_assignment import is_table_input
from inputgrad_cli.formats.tables.delimited import read_table
from inputgrad_cli.formats.tables.delimited_rows import TableRequest
from inputgrad_cli.interfaces.reader import InputFile, Reader, ReadOptions, register

DELIMITERS = {".csv": ",;\t|", ".tsv": "\t,;|"}  # the default first


def read_delimited_file(file: InputFile, options: ReadOptions) -> Samples:
    """Return the rows of a table as samples, or all rows as one sample, a series."""
    delimiters = DELIMITERS[file.suffix]
    request = TableRequest(file.where, delimiters, options.specs, options.columns)
    if not isinstance(file.content, bytes):
        samples = read_large_table(file.content, request, options.folder)
        if samples is not None:
            return samples
    return read_table(file.read_all(), request)


register(
    Reader(
        tuple(DELIMITERS),
        read_delimited_file,
        kind="table",
        accepts=is_table_input,
        many=True,
        names_inputs=True,
        streamed=True,
    )
)
