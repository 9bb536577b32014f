"""Writes an attribution as an `.npz` file: no pickles, and equal results give equal bytes."""

from __future__ import annotations

import io
import json
import math
import zipfile
from typing import IO, Any

import numpy as np

from inputgrad_cli.data.attribution_results import Attribution
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.numeric.lazy_array import is_lazy, iterate_blocks

METADATA_NAME = "metadata.json"
# Size of the local header of a zip member; its last four bytes are the lengths of name and extra.
MEMBER_HEADER_BYTES = 30
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can store


def to_bytes(attribution: Attribution) -> memoryview:
    """Return the bytes of the `.npz` file, without a copy because a Jacobian can be large."""
    out = io.BytesIO()
    write_result(out, attribution)
    return out.getbuffer()


def write_result(out: IO[bytes], attribution: Attribution) -> None:
    """Write the `.npz` file into a seekable stream; lazy arrays are written block by block."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for site, array in attribution.values.items():
            large = array.nbytes > zipfile.ZIP64_LIMIT // 2
            with archive.open(_build_member_info(f"{site}.npy"), "w", force_zip64=large) as member:
                _write_array(member, array)
        archive.writestr(_build_member_info(METADATA_NAME), dump_json(attribution.metadata))


def _write_array(out: IO[bytes], array: Array) -> None:
    if not is_lazy(array):
        np.lib.format.write_array(out, np.ascontiguousarray(array), allow_pickle=False)
        return
    like = np.broadcast_to(np.zeros((), array.dtype), array.shape)
    header = np.lib.format.header_data_from_array_1_0(like) | {"fortran_order": False}
    np.lib.format.write_array_header_1_0(out, header)
    for part in iterate_blocks(array):
        out.write(part.tobytes())


def _build_member_info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, ZIP_EPOCH)
    # The permissions that unpacking on Unix gives the file; those of ZipInfo are none at all.
    info.external_attr = 0o644 << 16
    return info


def dump_json(value: Any, indent: int | None = None) -> str:
    """Return strict JSON. Numbers that are not finite become null; the order of keys is kept."""
    try:
        return json.dumps(value, allow_nan=False, indent=indent, default=_to_scalar)
    except (TypeError, ValueError):  # rare, and checking beforehand takes ten times as long
        return json.dumps(_to_strict_json(value), allow_nan=False, indent=indent)


def _to_scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _to_strict_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _to_strict_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_strict_json(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
