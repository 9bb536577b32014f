"""Reads text files: each one sample of a model with a single text input, or each line one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.bounded_file_reading import decode_text
from inputgrad_cli.formats.tables.rows_to_samples import Row, gather_rows
from inputgrad_cli.numeric.array_helpers import Array


def is_text_input(spec: InputSpec) -> bool:
    """Return whether a sample of the input is a single text."""
    return spec.kind == "text" and spec.shape in (None, (), (1,))


def read_text(data: bytes, spec: InputSpec, where: str) -> Array:
    """Return the text as one sample, (1,) or (1, 1), without the line end that editors add.

    Raises ItemError (kinds `dtype`, `unreadable`, `empty`).
    """
    text = _decode(data, spec, where).removesuffix("\n").removesuffix("\r")
    return _to_sample(text, spec, where)[np.newaxis]


def read_lines(data: bytes, spec: InputSpec, where: str) -> Samples:
    """Return each line as a sample, without those that are empty, which a note counts.

    A line that cannot be used fails alone. Raises ItemError (kinds `dtype`, `unreadable`, `empty`)
    if no line can be.
    """
    # str.splitlines() would also break at characters that stand inside texts.
    lines = [
        line.removesuffix("\r") for line in _decode(data, spec, where).rstrip("\r\n").split("\n")
    ]
    rows = [
        _build_row(line, spec, f"{where}:{index}")
        for index, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not rows:
        raise ItemError(f"{where}: holds no text", kind="empty")
    samples = gather_rows(rows, (spec,), where)
    empty = len(lines) - len(rows)
    note = f"{empty} of {len(lines)} lines are empty and are not counted as samples"
    return replace(samples, notes={"empty-lines": note}) if empty else samples


def _decode(data: bytes, spec: InputSpec, where: str) -> str:
    if not is_text_input(spec):
        raise ItemError(f"{where}: a text does not fit input {spec}", kind="dtype")
    return decode_text(data, where, "UTF-8 text")


def _build_row(line: str, spec: InputSpec, location: str) -> Row:
    try:
        return Row(location, {spec.name: _to_sample(line, spec, location)})
    except ItemError as error:
        return Row(location, {}, error)


def _to_sample(text: str, spec: InputSpec, location: str) -> Array:
    """Return a text as an array () or (1,)."""
    if not text.strip() or "\0" in text:
        problem = "holds a NUL byte" if text.strip() else "holds no text"
        raise ItemError(f"{location}: {problem}", kind="unreadable" if text.strip() else "empty")
    return np.array(text if spec.shape != (1,) else [text])
