"""Registers the reader of text files, each one sample, or one a line."""

from __future__ import annotations

from collections.abc import Sequence

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.formats.text_files import is_text_input, read_lines, read_text
from inputgrad_cli.interfaces.reader import InputFile, Reader, ReadOptions, register


def read_text_file(file: InputFile, options: ReadOptions) -> Samples:
    """Return the text of a file as one sample, or each of its lines."""
    (spec,) = options.specs
    if options.lines:
        return read_lines(file.read_all(), spec, file.where)
    return Samples({spec.name: read_text(file.read_all(), spec, file.where)})


def is_single_text(specs: Sequence[InputSpec]) -> bool:
    """Return whether the inputs are a single text."""
    return len(specs) == 1 and is_text_input(specs[0])


register(Reader((".txt",), read_text_file, kind="text", accepts=is_single_text))
