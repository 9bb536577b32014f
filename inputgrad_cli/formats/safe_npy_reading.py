"""Reads NumPy files without pickles, and checks their headers."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import numpy as np

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.bounded_file_reading import FREE_BYTES, MAX_BYTES, build_memory_error
from inputgrad_cli.formats.combine_inputs import refuse_missing
from inputgrad_cli.formats.warning_suppression import quiet_warnings
from inputgrad_cli.machine.process_memory_limit import find_free_memory
from inputgrad_cli.numeric.array_helpers import Array

MAX_HEADER_BYTES = 10_000  # longer headers are left to NumPy, which compiles them
HEADER_PATTERN = re.compile(
    rb"\{ *'descr': *'(?P<type>[<>|=]?[a-zA-Z]\d*)', *'fortran_order': *(?P<order>True|False), *"
    rb"'shape': *\((?P<shape>\d*(?:, *\d+)*),?\),? *\} *\n?"
)
_HEADER_LOCK = Lock()
MAX_RATIO = 100  # measured data compresses to a third, a zip bomb to a thousandth


@dataclass(frozen=True)
class NpyHeader:
    """The header of a `.npy` file, whose array begins at byte `start`."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int


def read_npy(data: bytes, where: str) -> Array:
    """Return the array of a `.npy` file in native byte order.

    Raises ItemError (kinds `unreadable`, `dtype`).
    """
    header = read_header(data, len(data), where)
    order: Literal["C", "F"] = "F" if header.fortran else "C"
    try:
        array: Array = np.ndarray(header.shape, header.dtype, data, header.start, order=order)
    except (ValueError, TypeError):  # NumPy has limits on the number and length of axes
        raise _build_not_array_error(where) from None
    return np.array(array, array.dtype.newbyteorder("="))


def to_native_order(array: Array) -> Array:
    """Return an array in the byte order of this machine."""
    return np.asarray(array, array.dtype.newbyteorder("="))


def read_header(data: bytes, size: int, where: str) -> NpyHeader:
    """Return the header of a `.npy` file of `size` bytes, of which `data` holds the beginning.

    Raises ItemError (kinds `unreadable`, `dtype`) if the header is damaged or wrong.
    """
    stream = io.BytesIO(data)
    try:
        shape, fortran, dtype = _parse_header(stream)
        expected, present = math.prod(shape) * dtype.itemsize, size - stream.tell()
    except Exception:  # the header is a Python literal, and damaged text raises many types
        raise _build_not_array_error(where) from None
    if dtype.hasobject:
        raise ItemError(f"{where}: holds Python objects, which are never read", kind="unreadable")
    if dtype.kind == "V":
        raise ItemError(
            f"{where}: holds records of several fields",
            reason="one array of numbers or texts is wanted",
            kind="dtype",
        )
    if expected != present:
        raise ItemError(
            f"{where}: the array is damaged",
            reason=f"its header promises {expected} bytes, {present} are there",
            kind="unreadable",
        )
    return NpyHeader(shape, fortran, dtype, stream.tell())


def _parse_header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, Fortran order and dtype, and leave the stream at the end of the header.

    A regular expression parses common headers. For others NumPy compiles the header, which Python
    3.11 cannot do in two threads at once, so a lock guards it.
    """
    version, start = np.lib.format.read_magic(stream), stream.tell()
    # The length of the header has 2 bytes in version 1, and 4 in all later ones.
    width = 2 if version == (1, 0) else 4
    length = int.from_bytes(stream.read(width), "little")
    match = HEADER_PATTERN.fullmatch(stream.read(length) if length < MAX_HEADER_BYTES else b"")
    if match:
        shape = tuple(int(dim) for dim in match["shape"].replace(b",", b" ").split())
        return shape, match["order"] == b"True", np.dtype(match["type"].decode())
    stream.seek(start)
    read = np.lib.format.read_array_header_2_0
    with _HEADER_LOCK, quiet_warnings():
        return (np.lib.format.read_array_header_1_0 if width == 2 else read)(stream)


def _build_not_array_error(where: str) -> ItemError:
    return ItemError(f"{where}: not a NumPy array", kind="unreadable")


def read_npz(data: bytes, where: str, wanted: Sequence[str]) -> dict[str, Array]:
    """Return the wanted arrays of an `.npz` file, and unpack nothing else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
            refuse_missing(members, wanted, where)
            _refuse_bomb([members[name] for name in wanted], len(data), where)
            return {
                name: read_npy(archive.read(members[name]), f"{where}:{name}.npy")
                for name in wanted
            }
    except ItemError:
        raise
    except Exception:  # zipfile and its unpackers raise errors of many families
        raise ItemError(f"{where}: not an archive of NumPy arrays", kind="unreadable") from None


def _refuse_bomb(members: list[zipfile.ZipInfo], packed: int, where: str) -> None:
    """Raise ItemError if the sizes that the archive declares are too large or improbable.

    More than the declared sizes is never unpacked.
    """
    size = sum(info.file_size for info in members)
    if size > MAX_BYTES:
        raise ItemError(
            f"{where}: unpacks to more than {MAX_BYTES >> 30} GiB",
            hint="split it into several files",
            kind="unreadable",
        )
    left = find_free_memory()
    if size > left.size:
        reason = f"it unpacks to {size:,} bytes, {left.size:,} are left of {left.source}"
        raise build_memory_error(where, reason)
    if size > FREE_BYTES and size > MAX_RATIO * packed:
        raise ItemError(
            f"{where}: {packed} bytes unpack to {size}",
            reason="arrays packed that tightly are refused: they may be a trap",
            hint="store it unpacked, with numpy.savez",
            kind="unreadable",
        )
