"""The `.npz` of an attribution: stored, without pickles, the same bytes for the same result."""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.attribution import Attribution
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.arrays import read_header, read_npy
from inputgrad_cli.formats.blocks import Blocks, content, file_of
from inputgrad_cli.formats.large import HEADER, rows_of
from inputgrad_cli.stored import BLOCK, blocks, is_stored

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


def read_result(path: Path) -> Attribution:
    """Return the attribution stored at `path`; ItemError (kind `unreadable`) otherwise."""
    return _read(path, path)


def open_result(path: Path) -> Attribution:
    """Return what `read_result` does; of a large file, rows are read when they are taken."""
    data = content(path, streamed=True)
    return _read(path, file_of(data), data if isinstance(data, Blocks) else None)


def _read(path: Path, source: Path | IO[bytes], large: Blocks | None = None) -> Attribution:
    try:
        with zipfile.ZipFile(source) as archive:
            metadata = json.loads(archive.read(METADATA))
            many = bool(metadata.get("many"))
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            values = {
                info.filename.removesuffix(".npy"): _array(
                    archive, info, large if many else None, f"{path}:{info.filename}"
                )
                for info in members
            }
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ItemError(
            f"{path}: not a result of inputgrad", reason=str(error), kind="unreadable"
        ) from None
    return Attribution(values, metadata, many)


def _array(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, large: Blocks | None, where: str
) -> Array:
    """Return the array of a member; of a large file one whose rows are read when taken."""
    if large is None or info.compress_type != zipfile.ZIP_STORED:
        return read_npy(archive.read(info), where)
    with archive.open(info) as member:
        header = read_header(member.read(HEADER), info.file_size, where)
        while member.read(BLOCK):  # to the end, where its checksum is looked at
            pass
    if header.fortran:
        return read_npy(archive.read(info), where)
    lengths = large.read(info.header_offset + 26, info.header_offset + FRAME)
    return rows_of(large, header, info.header_offset + FRAME + sum(struct.unpack("<HH", lengths)))


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
