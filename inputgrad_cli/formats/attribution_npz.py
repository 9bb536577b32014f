"""The `.npz` of an attribution: stored, without pickles, the same bytes for the same result."""

from __future__ import annotations

import io
import json
import math
import zipfile
from typing import IO, Any

import numpy as np

from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.numeric.lazy_array import blocks, is_stored

METADATA = "metadata.json"
FRAME = 30  # bytes before a member's name; the last four are the lengths of name and extra
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name


def to_bytes(attribution: Attribution) -> memoryview:
    """Return the file of an attribution. A Jacobian can be large: nothing is held twice."""
    out = io.BytesIO()
    write_result(out, attribution)
    return out.getbuffer()


def write_result(out: IO[bytes], attribution: Attribution) -> None:
    """Write the file of an attribution into one that can be sought; stored arrays go by parts."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for site, array in attribution.values.items():
            large = array.nbytes > zipfile.ZIP64_LIMIT // 2
            with archive.open(_member(f"{site}.npy"), "w", force_zip64=large) as member:
                _write_array(member, array)
        archive.writestr(_member(METADATA), dump(attribution.metadata))


def _write_array(out: IO[bytes], array: Array) -> None:
    if not is_stored(array):
        np.lib.format.write_array(out, np.ascontiguousarray(array), allow_pickle=False)
        return
    like = np.broadcast_to(np.zeros((), array.dtype), array.shape)
    header = np.lib.format.header_data_from_array_1_0(like) | {"fortran_order": False}
    np.lib.format.write_array_header_1_0(out, header)
    for part in blocks(array):
        out.write(part.tobytes())


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.external_attr = 0o644 << 16
    return info


def dump(value: Any, indent: int | None = None) -> str:
    """Return strict JSON: numbers that are not finite become null, order is kept."""
    try:
        return json.dumps(value, allow_nan=False, indent=indent, default=_plain)
    except (TypeError, ValueError):  # rare, and to look for it takes ten times as long
        return json.dumps(_strict(value), allow_nan=False, indent=indent)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not for JSON")


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
