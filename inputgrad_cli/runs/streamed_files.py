"""Files that are written in parts, where they are too large for memory."""

from __future__ import annotations

import io
import tempfile
from functools import partial
from itertools import zip_longest
from pathlib import Path

from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.formats.attribution_npz import to_bytes, write_result
from inputgrad_cli.numeric.lazy_array import BLOCK, is_stored
from inputgrad_cli.storage.atomic_write import Bytes, Pour


def npz_of(attribution: Attribution) -> Bytes | Pour:
    """Return the `.npz` of an attribution."""
    if is_large(attribution):
        return lambda file: write_result(file, attribution)
    return to_bytes(attribution)


def is_large(attribution: Attribution) -> bool:
    """Return whether the values wait on disk."""
    return any(is_stored(array) for array in attribution.values.values())


def poured(pour: Pour) -> bytes:
    """Return the bytes of a small file."""
    out = io.BytesIO()
    pour(out)
    return out.getvalue()


def holds(path: Path, data: Bytes | Pour) -> bool:
    """Return whether a file holds these very bytes."""
    if not callable(data):
        return path.read_bytes() == data
    with path.open("rb") as there, tempfile.TemporaryFile(dir=path.parent) as made:
        data(made)
        made.seek(0)
        return all(
            a == b
            for a, b in zip_longest(*(iter(partial(f.read, BLOCK), b"") for f in (there, made)))
        )
