"""Registers the reader of JSON lines, each line one sample."""

from __future__ import annotations

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.formats.tables.jsonl import read_jsonl
from inputgrad_cli.interfaces.reader import InputFile, Reader, ReadOptions, register


def read_jsonl_file(file: InputFile, options: ReadOptions) -> Samples:
    """Return the lines of a file as samples."""
    return read_jsonl(file.read_all(), options.specs, file.where)


register(Reader((".jsonl",), read_jsonl_file, many=True, names_inputs=True))
