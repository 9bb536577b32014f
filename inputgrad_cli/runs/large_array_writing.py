"""Writes arrays in parts if they are too large for memory."""

from __future__ import annotations

import io
import tempfile
from functools import partial
from itertools import zip_longest
from pathlib import Path

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.formats.attribution_npz_writer import to_bytes, write_result
from inputgrad_cli.numeric.lazy_array import BLOCK_BYTES, is_lazy
from inputgrad_cli.storage.atomic_write import Bytes, WriteFunction


def to_npz(recorded: RecordedMap) -> Bytes | WriteFunction:
    """Return the `.npz` of a map: its bytes, or a function that writes a large one."""
    if is_large(recorded):
        return lambda file: write_result(file, recorded.to_attribution())
    return to_bytes(recorded.to_attribution())


def is_large(recorded: RecordedMap) -> bool:
    """Return whether the values are on disk, because they are too large for memory."""
    return any(is_lazy(array) for array in recorded.values.values())


def collect_bytes(write: WriteFunction) -> bytes:
    """Return the bytes that `write` writes; for small files."""
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def has_content(path: Path, data: Bytes | WriteFunction) -> bool:
    """Return whether a file has exactly this content."""
    if not callable(data):
        return path.read_bytes() == data
    with path.open("rb") as existing, tempfile.TemporaryFile(dir=path.parent) as expected:
        data(expected)
        expected.seek(0)
        return all(
            a == b
            for a, b in zip_longest(
                *(iter(partial(f.read, BLOCK_BYTES), b"") for f in (existing, expected))
            )
        )
